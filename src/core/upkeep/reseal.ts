import { SealError } from '../errors.js'
import type { Token } from '../session.js'
import type { SessionStore } from '../store.js'

export interface ResealPorts {
  readonly store: Pick<SessionStore, 'walkSeals' | 'reseal' | 'compactSeals'>
  /** Id of the key that seals now. */
  currentKey(): string
  /**
   * Opens a seal with the key that it names, and seals with the current one; null where that is the
   * same. Throws SealError.
   */
  reseal(seal: Uint8Array, sessionId: string, token: Token): Uint8Array | null
  /** Aborted when nobody waits for the progress: the walk then ends between two steps. */
  readonly signal?: AbortSignal
}

export interface ResealProgress {
  /** Seals looked at so far. */
  readonly checked: number
  /** Those that were sealed again. */
  readonly resealed: number
  /** How many did not open. They were left as they are. */
  readonly failed: number
  /** Sessions whose seals did not open, of those looked at since the progress told before. */
  readonly newlyFailedIds: readonly string[]
  /** Roughly: it was counted before, and sessions come and go. */
  readonly total: number
}

/**
 * Seals again, with the current key, what older keys sealed, and tells after each step how far it is.
 * May be interrupted and repeated: what is done stays done. Throws StoreUnavailableError, and the signal's reason.
 */
export async function* resealAll(ports: ResealPorts): AsyncGenerator<ResealProgress, void> {
  const { store, signal } = ports
  const failedIds = new Set<string>()
  let resealed = 0
  let key: string
  do {
    key = ports.currentKey()
    let checked = 0
    let total = 0
    for await (const ids of store.walkSeals()) {
      signal?.throwIfAborted()
      total += ids.length
    }
    for await (const ids of store.walkSeals()) {
      const outcomes = await Promise.all(ids.map((id) => resealOne(ports, id)))
      const newlyFailedIds = ids.filter((id, i) => outcomes[i] === 'failed' && !failedIds.has(id))
      for (const id of newlyFailedIds) {
        failedIds.add(id)
      }
      checked += ids.length
      resealed += outcomes.filter((outcome) => outcome === 'resealed').length
      yield { checked, resealed, failed: failedIds.size, newlyFailedIds, total }
    }
    // What was sealed again before the key changed under the walk is of an older key once more.
  } while (ports.currentKey() !== key)
  await store.compactSeals()
}

async function resealOne(
  { store, reseal }: ResealPorts,
  id: string,
): Promise<'resealed' | 'left' | 'failed'> {
  let isResealed = false
  try {
    await store.reseal(id, (session, seal) => {
      const changed = session.token && reseal(seal, id, session.token)
      isResealed = changed !== null
      return changed
    })
  } catch (error) {
    if (error instanceof SealError) {
      return 'failed'
    }
    throw error
  }
  return isResealed ? 'resealed' : 'left'
}

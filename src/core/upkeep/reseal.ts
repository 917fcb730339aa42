import { SealError } from '../errors.js'
import type { Token } from '../session.js'
import type { SessionStore } from '../store.js'

export interface ResealPorts {
  readonly store: Pick<SessionStore, 'walkSeals' | 'reseal' | 'compactSeals'>
  /** The id of the current sealing key. */
  currentKey(): string
  /** Seals again with the current key. null if the seal has that key already. Throws SealError. */
  reseal(seal: Uint8Array, sessionId: string, token: Token): Uint8Array | null
  /** Aborted when nobody waits any more. The walk then ends between two steps. */
  readonly signal?: AbortSignal
}

export interface ResealProgress {
  /** Seals checked so far. */
  readonly checked: number
  /** Seals renewed so far. */
  readonly resealed: number
  /** Seals that did not open, and stay as they are. */
  readonly failed: number
  /** Sessions whose seals did not open, since the last report. */
  readonly newlyFailedIds: readonly string[]
  /** An estimate: sessions come and go. */
  readonly total: number
}

/**
 * Renews all seals of older keys with the current one, and reports its progress after each step. It can be interrupted and
 * repeated. Throws StoreUnavailableError, and the signal's reason.
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
    if (ports.currentKey() === key) {
      await store.compactSeals()
    }
    // If the key changed meanwhile, seals renewed before have an older key again.
  } while (ports.currentKey() !== key)
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

import type { Config } from '../config/serve-options.js'
import { storePlace } from '../config/store-place.js'
import type { Repaired } from '../stores/engine.js'
import { storeEngine } from '../stores/index.js'
import { capability, dueUnder, storedSealCheck } from './stored-data.js'

export type { Repaired }

export interface RepairOptions {
  /** Says what would be done, and changes nothing. */
  readonly isDry: boolean
  /** Told of each thing that is dropped or mended, in one line; a promise that it returns is waited for. */
  readonly onLine: (line: string) => unknown
  /** Ends it with the signal's reason, and nothing is changed. */
  readonly signal?: AbortSignal
}

/**
 * Makes the store of a server that does not run anew, out of what can be read of it, and keeps the old
 * one. Throws StoreMismatchError, StoreLockedError, StoreUnavailableError, InputFileError and ConfigError.
 */
export async function repairDataDir(
  config: Config,
  { isDry, onLine, signal }: RepairOptions,
): Promise<Repaired> {
  const repair = capability(await storeEngine(storePlace(config)), 'repair')
  const lines = repair({
    ...dueUnder(config),
    trySeal: await storedSealCheck(config.sealingKeys),
    nowMs: Date.now(),
    isDry,
    ...(signal && { signal }),
  })
  try {
    for (;;) {
      signal?.throwIfAborted()
      const { value, done } = await lines.next()
      if (done) {
        return value
      }
      await onLine(value)
    }
  } catch (error) {
    await lines.return(NOTHING)
    throw error
  }
}

/** What a repair that was stopped returns: nobody sees it. */
const NOTHING: Repaired = { counts: { sessions: 0, seals: 0, answers: 0 }, keptAs: null }

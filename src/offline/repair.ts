import type { Config } from '../config/serve-options.js'
import { storePlace } from '../config/store-place.js'
import type { Repaired } from '../stores/engine.js'
import { storeEngine } from '../stores/index.js'
import { capability, dueUnder, storedSealCheck } from './stored-data.js'

export type { Repaired }

export interface RepairOptions {
  /** Reports what a repair would do, and changes nothing. */
  readonly isDry: boolean
  /** Receives one line for each thing that is dropped or mended. The repair awaits a promise that it returns. */
  readonly onLine: (line: string) => unknown
  /** Aborting it cancels the repair and throws its reason. */
  readonly signal?: AbortSignal
}

/**
 * Rebuilds the store of a stopped server from everything that can be read, and keeps the old one. Throws
 * StoreMismatchError, StoreLockedError, StoreUnavailableError, InputFileError and ConfigError.
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

/** The result of a cancelled repair: nobody sees it. */
const NOTHING: Repaired = { counts: { sessions: 0, seals: 0, entries: 0 }, keptAs: null }

import type { Config } from '../config/serve-options.js'
import { storePlace } from '../config/store-place.js'
import { InputFileError, StoreMismatchError } from '../core/errors.js'
import type { CheckEvent } from '../core/upkeep/care.js'
import { storeEngine } from '../stores/index.js'
import { capability, dueUnder, storedSealCheck } from './stored-data.js'

export type { CheckEvent }

/**
 * Checks the store of a stopped server. Throws StoreMismatchError, StoreLockedError,
 * StoreUnavailableError, InputFileError and ConfigError.
 */
export async function* checkDataDir(config: Config): AsyncGenerator<CheckEvent, void> {
  const engine = await storeEngine(storePlace(config))
  const check = capability(engine, 'check')
  const trySeal = await storedSealCheck(config.sealingKeys)
  if (trySeal === null && !(await engine.exists())) {
    throw new StoreMismatchError(
      `${engine.location} holds no store: give the server's --data-dir and --store`,
    )
  }
  if (trySeal === null) {
    throw new InputFileError(
      config.sealingKeys,
      'is not there: give the file with the keys that seal, for every seal is opened',
    )
  }
  yield* check({ ...dueUnder(config), trySeal })
}

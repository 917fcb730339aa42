import type { Config } from '../config.js'
import type { CheckEvent } from '../core/care.js'
import { InputFileError } from '../core/errors.js'
import { checkStore } from '../stores/level/check.js'
import { agreeOnInfo } from '../stores/level/info.js'
import { View } from '../stores/level/view.js'
import { dueUnder, openStored, storedSealCheck, storeLocation } from './stored-data.js'

/**
 * Checks the store of a server that does not run. Throws StoreMismatchError, StoreLockedError,
 * StoreUnavailableError and InputFileError.
 */
export async function* checkDataDir(config: Config): AsyncGenerator<CheckEvent, void> {
  const { epochs, dueMs } = dueUnder(config)
  const trySeal = await storedSealCheck(config.sealingKeys)
  if (trySeal === null) {
    throw new InputFileError(
      config.sealingKeys,
      'is not there: give the file with the keys that seal, for every seal is opened',
    )
  }
  const database = await openStored(storeLocation(config))
  try {
    await agreeOnInfo(database, epochs)
    const openView = () => View.open((read) => database.read(read))
    yield* checkStore(openView, { dueMs, trySeal })
  } finally {
    await database.close()
  }
}

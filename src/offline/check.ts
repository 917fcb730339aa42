import type { Config } from '../config/serve-options.js'
import { storeLocation } from '../config/store-location.js'
import { InputFileError } from '../core/errors.js'
import type { CheckEvent } from '../core/upkeep/care.js'
import { damagedFiles } from '../stores/level/files/store-files.js'
import { agreeOnInfo } from '../stores/level/layout/info.js'
import { checkStore } from '../stores/level/maintenance/check.js'
import { View } from '../stores/level/read/view.js'
import { dueUnder, expectStored, openStored, storedSealCheck } from './stored-data.js'

export type { CheckEvent }

/**
 * Checks the store of a server that does not run: first its files, then, where these are whole, what stands in them.
 * Throws StoreMismatchError, StoreLockedError, StoreUnavailableError and InputFileError.
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
  const location = storeLocation(config)
  await expectStored(location)
  let isWhole = true
  for await (const { file, problem } of damagedFiles(location)) {
    isWhole = false
    yield { problem: `${file}: ${problem}` }
  }
  if (!isWhole) {
    // LevelDB would change them as it reads them, and some damage ends the process.
    yield {
      problem: 'the rows were not compared, since files are damaged: `sessiond repair` first',
    }
    return
  }
  const database = await openStored(location)
  try {
    await agreeOnInfo(database, epochs)
    const openView = (onDamaged: (key: Buffer) => void) =>
      View.open((read) => database.read(read), onDamaged)
    yield* checkStore(openView, { dueMs, trySeal })
  } finally {
    await database.close()
  }
}

import type { Config } from '../config/serve-options.js'
import { Deadlines } from '../core/endings/deadlines.js'
import { EpochClock, type EpochSettings } from '../core/epoch.js'
import { StoreMismatchError } from '../core/errors.js'
import type { Session } from '../core/session.js'
import type { TrySeal } from '../core/upkeep/care.js'
import { sealingKeysFromJson } from '../crypto/seal.js'
import { readSecretFile } from '../keys/key-files.js'
import { sealCheck } from '../keys/seal-check.js'
import { Database, holdsDatabase } from '../stores/level/database.js'

/** Opens a database that is there. Throws StoreMismatchError, StoreLockedError, StoreUnavailableError. */
export async function openStored(location: string): Promise<Database> {
  await expectStored(location)
  const database = new Database(location)
  await database.open()
  return database
}

/** Throws StoreMismatchError where there is no database. */
export async function expectStored(location: string): Promise<void> {
  if (!(await holdsDatabase(location))) {
    throw new StoreMismatchError(`there is no store in ${location}: give the server's --data-dir`)
  }
}

/** When sessions are due under these settings. */
export function dueUnder(config: Config): {
  readonly epochs: EpochSettings
  readonly dueMs: (session: Session) => number
} {
  const epochs = { genesisMs: config.epochGenesisMs, lengthMs: config.epochLengthMs }
  const deadlines = new Deadlines(new EpochClock(epochs, Date.now), config)
  return { epochs, dueMs: (session) => deadlines.dueMs(session) }
}

/** Tries seals with the server's keys; null where there are none. Throws InputFileError. */
export async function storedSealCheck(file: string): Promise<TrySeal | null> {
  const text = await readSecretFile(file)
  if (text === null) {
    return null
  }
  const keys = sealingKeysFromJson(text, file)
  return sealCheck(() => keys)
}

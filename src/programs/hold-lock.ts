import { mkdir, symlink } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { StoreLockedError, StoreUnavailableError } from '../core/errors.js'
import { Database, LOCK_FILE } from '../stores/level/database.js'

/**
 * Takes the lock of a store without opening it, so that no server does, until what this returns is closed. It is
 * a database in the new directory `beside` whose lock is the same file. This process must not open that
 * file otherwise: closing it would let go of the lock (fcntl(2)). Throws
 * StoreLockedError, and StoreUnavailableError where nothing can be made beside the store.
 */
export async function holdLock(location: string, beside: string): Promise<Database> {
  try {
    await mkdir(beside, { mode: 0o700 })
    // Not a hard link: there are file systems without.
    await symlink(resolve(location, LOCK_FILE), join(beside, LOCK_FILE))
  } catch (error) {
    const problem = `${location} cannot be kept from servers: ${(error as Error).message}`
    throw new StoreUnavailableError(problem, error)
  }
  const database = new Database(beside)
  try {
    await database.open()
    return database
  } catch (error) {
    throw error instanceof StoreLockedError ? new StoreLockedError(location, error) : error
  }
}

import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { StoreLockedError, StoreUnavailableError } from '../../../core/errors.js'
import { Database, LOCK_FILE } from '../database.js'

/** The errors of file systems without symbolic links. */
const NO_LINKS: readonly (string | undefined)[] = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']

export interface HeldLock {
  /** Releases the lock, and removes the files that holding it needed. */
  close(): Promise<void>
}

/**
 * Holds the lock of a store without opening the store, so that no server opens it. It opens another database in the new
 * directory `beside`, whose LOCK is a symbolic link to the store's; if that file system has no symbolic links, in a
 * temporary directory. This process must not open LOCK otherwise: closing it would release the lock (fcntl(2)). Throws
 * StoreLockedError, and StoreUnavailableError if it can make no directory.
 */
export async function holdLock(location: string, beside: string): Promise<HeldLock> {
  const directory = await linkLock(resolve(location, LOCK_FILE), beside).catch((error: Error) => {
    const problem = `${location} cannot be kept from servers: ${error.message}`
    throw new StoreUnavailableError(problem, error)
  })
  const remove = () => rm(directory, { recursive: true, force: true })
  const database = new Database(directory)
  try {
    await database.open()
  } catch (error) {
    await remove()
    throw error instanceof StoreLockedError ? new StoreLockedError(location, error) : error
  }
  return { close: () => database.close().finally(remove) }
}

/** Makes a directory with a symbolic link to the lock: some file systems have no hard links. */
async function linkLock(lock: string, beside: string): Promise<string> {
  await mkdir(beside, { mode: 0o700 })
  try {
    await symlink(lock, join(beside, LOCK_FILE))
    return beside
  } catch (error) {
    await rm(beside, { recursive: true })
    if (!NO_LINKS.includes((error as NodeJS.ErrnoException).code)) {
      throw error
    }
  }
  const directory = await mkdtemp(join(tmpdir(), 'sessiond-lock-'))
  try {
    await symlink(lock, join(directory, LOCK_FILE))
    return directory
  } catch (error) {
    await rm(directory, { recursive: true })
    throw error
  }
}

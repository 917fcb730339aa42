import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { StoreLockedError, StoreUnavailableError } from '../../../core/errors.js'
import { Database, LOCK_FILE } from '../database.js'

/** What file systems without symbolic links say of one. */
const NO_LINKS: readonly (string | undefined)[] = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']

export interface HeldLock {
  /** Lets go of the lock, and removes what holding it took. */
  close(): Promise<void>
}

/**
 * Takes the lock of a store without opening it, so that no server does, until what this returns is closed. It is
 * a database in the new directory `beside` whose lock is the same file; where the file system there has no symbolic links,
 * in a temporary directory. This process must not open that file otherwise: closing it would let go of the
 * lock (fcntl(2)). Throws StoreLockedError, and StoreUnavailableError where nothing can be made beside the store.
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

/** Makes a directory that holds a link to the lock: not a hard link, which some file systems do not have. */
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

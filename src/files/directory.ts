import { mkdir, open, rename, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Makes a directory, and those above it, where they are missing. Only their owner may read them. */
export async function makeDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { mode: 0o700 })
  } catch (error) {
    if (await isDirectory(directory)) {
      return
    }
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw error
    }
    const parent = dirname(directory)
    // Node's own `recursive` never ends where the parent exists all the same, as under /proc.
    if (!(await isDirectory(parent))) {
      await makeDirectory(parent)
    }
    await mkdir(directory, { mode: 0o700 }).catch(async (cause: Error) => {
      // Another process may have made it in the meantime.
      if (!(await isDirectory(directory))) {
        throw new Error(`no directory can be made in ${parent}: ${cause.message}`)
      }
    })
  }
}

/** Waits until what was made, renamed or removed in a directory is on disk. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Renames a file or a directory, and waits until the new name is on disk. */
export async function renameOnDisk(from: string, to: string): Promise<void> {
  await rename(from, to)
  await syncDirectory(dirname(to))
}

async function isDirectory(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => null)
  return found?.isDirectory() ?? false
}

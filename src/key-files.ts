import { randomBytes } from 'node:crypto'
import { link, mkdir, open, readFile, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { InputFileError } from './core/errors.js'
import { syncDirectory } from './sync-directory.js'

/** The text of a secret file, or null where there is none. Throws InputFileError. */
export async function readSecretFile(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return null
    }
    throw new InputFileError(file, `cannot be read: ${(error as Error).message}`, error)
  }
}

/**
 * Writes a secret that only its owner may read, whole or not at all, and on disk when it returns.
 * Never replaces a file that is there: a key that was lost cannot be had back. Throws InputFileError.
 */
export async function writeSecretFile(file: string, text: string): Promise<void> {
  const directory = dirname(file)
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    await writeAndSync(temporary, text)
    await link(temporary, file)
    await syncDirectory(directory)
  } catch (error) {
    const exists = (error as NodeJS.ErrnoException).code === 'EEXIST'
    throw new InputFileError(
      file,
      exists
        ? 'is there already: move it away first, or choose another name'
        : `cannot be written: ${(error as Error).message}`,
      error,
    )
  } finally {
    await rm(temporary, { force: true })
  }
}

async function writeAndSync(file: string, text: string): Promise<void> {
  const handle = await open(file, 'wx', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

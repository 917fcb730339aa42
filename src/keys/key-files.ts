import { lstat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { InputFileError } from '../core/errors.js'
import { makeDirectory, renameOnDisk } from '../files/directory.js'
import { isAbsent, readInputText } from '../files/read.js'
import { makeFile, replaceFile } from '../files/write.js'

const OWNER_WRITE = 0o200

/** The text of a secret file, or null where there is none. Throws InputFileError. */
export async function readSecretFile(file: string): Promise<string | null> {
  try {
    return readInputText(file)
  } catch (error) {
    if (isAbsent(error)) {
      return null
    }
    throw error
  }
}

/**
 * Writes a secret that only its owner may read, whole or not at all, and on disk when it returns.
 * Never replaces a file that is there: a key that was lost cannot be had back. Throws InputFileError.
 */
export async function writeSecretFile(file: string, text: string): Promise<void> {
  try {
    await makeDirectory(dirname(file))
  } catch (error) {
    throw notWritten(file, error)
  }
  await makeFile(file, (write) => write(text))
}

/**
 * Writes a secret over the one that is there: after a crash it is the old one or the new one, whole. The
 * new one is on disk when it returns. Throws InputFileError.
 */
export async function replaceSecretFile(file: string, text: string): Promise<void> {
  try {
    await checkReplaceable(file)
    await replaceFile(file, text)
  } catch (error) {
    throw notWritten(file, error)
  }
}

/**
 * Puts `next` in the place of `file`, which is kept as `kept`. After a crash `file` is one of the two, and
 * neither is lost. On disk when it returns. Throws InputFileError.
 */
export async function succeedSecretFile(file: string, next: string, kept: string): Promise<void> {
  try {
    await checkReplaceable(file)
    const text = readInputText(file)
    // It may be there from an attempt that was interrupted.
    if ((await readSecretFile(kept)) !== text) {
      await makeFile(kept, (write) => write(text))
    }
    await renameOnDisk(next, file)
  } catch (error) {
    throw notWritten(file, error)
  }
}

/**
 * Throws InputFileError where a file is a symbolic link or read-only: somebody else looks after it, and
 * whoever replaced it would take it from them.
 */
export async function checkReplaceable(file: string): Promise<void> {
  const found = await lstat(file)
  if (found.isSymbolicLink() || (found.mode & OWNER_WRITE) === 0) {
    const problem = found.isSymbolicLink() ? 'is a symbolic link' : 'is read-only'
    throw new InputFileError(file, `${problem}, so it is not replaced`)
  }
}

function notWritten(file: string, error: unknown): InputFileError {
  return error instanceof InputFileError
    ? error
    : new InputFileError(file, `cannot be written: ${(error as Error).message}`, error)
}

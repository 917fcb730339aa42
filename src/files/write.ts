import { randomBytes } from 'node:crypto'
import { fsyncSync } from 'node:fs'
import { constants, link, open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { InputFileError } from '../core/errors.js'
import { isDescriptor, STDOUT } from './descriptors.js'
import { syncDirectory } from './directory.js'

/** Adds to a file. Throws InputFileError. */
export type Write = (bytes: Uint8Array | string) => Promise<void>

/**
 * Makes a new file for its owner's eyes: under another name until `fill` has written all of it and it is on
 * disk. Never replaces a file that is there. What is no file, such as a pipe or `/dev/stdout`, gets the bytes as
 * they come. Throws InputFileError, and what `fill` throws.
 */
export async function makeFile<T>(file: string, fill: (write: Write) => Promise<T>): Promise<T> {
  if (isDescriptor(file, STDOUT)) {
    return writeToStdout(file, fill)
  }
  const found = await stat(file).catch(() => null)
  if (found !== null && !found.isFile() && !found.isDirectory()) {
    return writeToStream(file, fill)
  }
  if (found !== null) {
    throw new InputFileError(file, IS_THERE)
  }
  return writeWhole(file, fill, (temporary) => publish(temporary, file))
}

/**
 * Writes over a file: after a crash it is the old one or the new one, whole. The new one is on disk when this
 * returns. Throws InputFileError.
 */
export async function replaceFile(file: string, text: string): Promise<void> {
  await writeWhole(
    file,
    (write) => write(text),
    (temporary) => rename(temporary, file),
  )
}

/** Fills a file beside `file`, for its owner's eyes, and when it is on disk has it named. */
async function writeWhole<T>(
  file: string,
  fill: (write: Write) => Promise<T>,
  name: (temporary: string) => Promise<void>,
): Promise<T> {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`
  try {
    const handle = await writing(file, () => open(temporary, 'wx', 0o600))
    let filled: T
    try {
      filled = await fill((bytes) => writing(file, () => handle.appendFile(bytes)))
      await writing(file, () => handle.sync())
    } finally {
      await handle.close()
    }
    await writing(file, async () => {
      await name(temporary)
      await syncDirectory(dirname(file))
    })
    return filled
  } finally {
    await rm(temporary, { force: true })
  }
}

const IS_THERE = 'is there already: move it away first, or choose another name'

/**
 * Gives a file that is on disk another name, which must be free: throws EEXIST where it is not. Whoever opens the
 * name finds the whole file, but for a moment on file systems without hard links, where it is empty first.
 */
async function publish(temporary: string, file: string): Promise<void> {
  try {
    await link(temporary, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      throw error
    }
    // Only who made the name may rename over it.
    await (await open(file, 'wx', 0o600)).close()
    await rename(temporary, file).catch(async (cause) => {
      await rm(file)
      throw cause
    })
  }
}

/** As it was opened for this process: the name may be a socket's, which cannot be opened again. */
async function writeToStdout<T>(file: string, fill: (write: Write) => Promise<T>): Promise<T> {
  const { stdout } = process
  const ignore = () => {} // Each write tells of its own error.
  stdout.on('error', ignore)
  try {
    const made = await fill((bytes) =>
      writing(
        file,
        () =>
          new Promise((resolve, reject) => {
            stdout.write(bytes, (error) => (error ? reject(error) : resolve()))
          }),
      ),
    )
    if ((await stat(file)).isFile()) {
      await writing(file, async () => fsyncSync(STDOUT))
    }
    return made
  } finally {
    stdout.off('error', ignore)
  }
}

async function writeToStream<T>(file: string, fill: (write: Write) => Promise<T>): Promise<T> {
  const handle = await writing(file, () => open(file, constants.O_WRONLY))
  try {
    return await fill((bytes) => writing(file, () => handle.appendFile(bytes)))
  } finally {
    await handle.close()
  }
}

async function writing<T>(file: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code === 'EEXIST'
    throw new InputFileError(
      file,
      isThere ? IS_THERE : `cannot be written: ${(error as Error).message}`,
      error,
    )
  }
}

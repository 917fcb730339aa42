import { randomBytes } from 'node:crypto'
import { fsyncSync } from 'node:fs'
import { constants, link, open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { InputFileError } from '../core/errors.js'
import { isDescriptor, STDOUT } from './descriptors.js'
import { syncDirectory } from './directory.js'

/** An end for a temporary name, so that no other process has the same. */
export function randomSuffix(): string {
  return randomBytes(6).toString('hex')
}

/** Appends to a file. Throws InputFileError. */
export type Write = (bytes: Uint8Array | string) => Promise<void>

/**
 * Makes a new file that only its owner may read. It gets its name when `fill` has written all of it and it is on disk.
 * Never replaces a file. A pipe, or `/dev/stdout`, gets the bytes as they come. Throws InputFileError, and what `fill`
 * throws.
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
 * Replaces a file. After a crash it is the whole old file or the whole new one; after the return the new one is on disk.
 * Throws InputFileError.
 */
export async function replaceFile(file: string, text: string): Promise<void> {
  await writeWhole(
    file,
    (write) => write(text),
    (temporary) => rename(temporary, file),
  )
}

/** Fills a temporary file beside `file`, and calls `name` when that is on disk. */
async function writeWhole<T>(
  file: string,
  fill: (write: Write) => Promise<T>,
  name: (temporary: string) => Promise<void>,
): Promise<T> {
  const temporary = `${file}.${randomSuffix()}.tmp`
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

const IS_THERE = 'already exists: move it away first, or choose another name'

/**
 * Gives a file that is on disk its name. Throws EEXIST where the name is taken. Readers find the whole file under the
 * name; on file systems without hard links they find an empty one for a moment.
 */
async function publish(temporary: string, file: string): Promise<void> {
  try {
    await link(temporary, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      throw error
    }
    // Only the process that made the empty file may rename over it.
    await (await open(file, 'wx', 0o600)).close()
    await rename(temporary, file).catch(async (cause) => {
      await rm(file)
      throw cause
    })
  }
}

/** Writes to standard output as this process has it: a socket cannot be opened again by its name. */
async function writeToStdout<T>(file: string, fill: (write: Write) => Promise<T>): Promise<T> {
  const { stdout } = process
  const ignore = () => {} // Each write reports its own error.
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

import { type FileHandle, open } from 'node:fs/promises'
import { InputFileError } from '../core/errors.js'

const READ_BYTES = 256 * 1024

/** Opens a file of the operator's to read it. Throws InputFileError. */
export async function openInput(file: string): Promise<FileHandle> {
  try {
    return await open(file)
  } catch (error) {
    throw new InputFileError(file, `cannot be read: ${(error as Error).message}`, error)
  }
}

/** A file from its beginning; after each piece, `onProgress` is told which part was read, from 0 to 1. Throws InputFileError. */
export async function* fileChunks(
  handle: FileHandle,
  file: string,
  onProgress: (part: number) => void,
): AsyncGenerator<Buffer> {
  const { size } = await handle.stat()
  let readBytes = 0
  for (;;) {
    const buffer = Buffer.allocUnsafe(READ_BYTES)
    let bytesRead: number
    try {
      ;({ bytesRead } = await handle.read(buffer, 0, READ_BYTES, readBytes))
    } catch (error) {
      throw new InputFileError(file, `cannot be read: ${(error as Error).message}`, error)
    }
    if (bytesRead === 0) {
      return
    }
    yield buffer.subarray(0, bytesRead)
    readBytes += bytesRead
    onProgress(size === 0 ? 0 : readBytes / size)
  }
}

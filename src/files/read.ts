import { closeSync, fstatSync, openSync, read, readSync } from 'node:fs'
import { promisify } from 'node:util'
import { InputFileError } from '../core/errors.js'
import { isDescriptor, STDIN } from './descriptors.js'

/** More than any file that is read at once; `/dev/zero` would otherwise fill the memory. */
const MAX_INPUT_BYTES = 256 * 1024 * 1024
const CHUNK_BYTES = 256 * 1024

/**
 * Reads an operator's file, which may also be a pipe or `/dev/stdin`. Throws InputFileError, with the system's error as
 * its cause.
 */
export function readInput(file: string): Buffer {
  const descriptor = openInputDescriptor(file)
  try {
    const chunks: Buffer[] = []
    let length = 0
    for (;;) {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
      const bytesRead = reading(file, () => readSync(descriptor, chunk))
      if (bytesRead === 0) {
        return Buffer.concat(chunks)
      }
      length += bytesRead
      if (length > MAX_INPUT_BYTES) {
        throw new InputFileError(file, `is longer than ${MAX_INPUT_BYTES} bytes`)
      }
      chunks.push(chunk.subarray(0, bytesRead))
    }
  } finally {
    close(descriptor)
  }
}

/**
 * Reads a file as text, in UTF-8, or in UTF-16 with a byte order mark, as PowerShell writes it. Leaves out the mark. Throws
 * InputFileError.
 */
export function readInputText(file: string): string {
  const bytes = readInput(file)
  const encoding = ENCODINGS.find(([mark]) => bytes.subarray(0, 2).equals(mark))?.[1] ?? 'utf-8'
  return new TextDecoder(encoding).decode(bytes)
}

const ENCODINGS = [
  [Buffer.of(0xff, 0xfe), 'utf-16le'],
  [Buffer.of(0xfe, 0xff), 'utf-16be'],
] as const

/** Whether reading failed because the file does not exist. */
export function isAbsent(error: unknown): boolean {
  return error instanceof InputFileError && (error.cause as { code?: unknown })?.code === 'ENOENT'
}

/** How much of a file was read. */
export interface InputProgress {
  readonly bytes: number
  /** The part of the file, from 0 to 1; null where its length is unknown, as with a pipe. */
  readonly part: number | null
}

/** A file to read in chunks, once. It may be a pipe, or larger than the memory. */
export interface Input {
  /** Calls `onProgress` after each chunk. Throws InputFileError. */
  chunks(onProgress: (progress: InputProgress) => void): AsyncGenerator<Buffer>
  close(): void
}

/** Opens an operator's file. Throws InputFileError. */
export function openInput(file: string): Input {
  const descriptor = openInputDescriptor(file)
  return {
    chunks: (onProgress) => chunksOf(descriptor, file, onProgress),
    close: () => close(descriptor),
  }
}

const readAsync = promisify(read)

async function* chunksOf(
  descriptor: number,
  file: string,
  onProgress: (progress: InputProgress) => void,
): AsyncGenerator<Buffer> {
  const found = fstatSync(descriptor)
  let bytes = 0
  for (;;) {
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES)
    // Without a position: a pipe has none.
    const { bytesRead } = await readAsync(descriptor, buffer, 0, CHUNK_BYTES, null).catch(
      (error: Error) => {
        throw notRead(file, error)
      },
    )
    if (bytesRead === 0) {
      return
    }
    yield buffer.subarray(0, bytesRead)
    bytes += bytesRead
    onProgress({ bytes, part: found.isFile() && found.size > 0 ? bytes / found.size : null })
  }
}

function openInputDescriptor(file: string): number {
  return reading(file, () => {
    try {
      return openSync(file, 'r')
    } catch (error) {
      // A socket cannot be opened by its name, and standard input often is one.
      if ((error as NodeJS.ErrnoException).code === 'ENXIO' && isDescriptor(file, STDIN)) {
        return STDIN
      }
      throw error
    }
  })
}

/** Keeps standard input open: the next file to be opened would get its number. */
function close(descriptor: number): void {
  if (descriptor !== STDIN) {
    closeSync(descriptor)
  }
}

function reading<T>(file: string, act: () => T): T {
  try {
    return act()
  } catch (error) {
    throw notRead(file, error as Error)
  }
}

function notRead(file: string, error: Error): InputFileError {
  return new InputFileError(file, `cannot be read: ${error.message}`, error)
}

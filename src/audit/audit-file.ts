import { constants, type FileHandle, open, stat } from 'node:fs/promises'

const NEWLINE = 0x0a
/** A pipe that nobody reads from, or that is full, gives an error instead of holding a thread for ever. */
const STREAM_FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK

/** The file of an audit log, opened to be added to. */
export interface AuditFile {
  /** Whether its last line has no end: the process that wrote it was cut off. */
  readonly endsMidLine: boolean
  /** Adds what there is room for, and says how many bytes that was. Where it throws, none was. */
  write(bytes: Uint8Array): Promise<number>
  /** Whether another file, or none, has its name now. */
  isMoved(): Promise<boolean>
  close(): Promise<void>
}

/** Opens the file, or makes it for its owner's eyes. It may be a pipe or a device too. */
export async function openAuditFile(path: string): Promise<AuditFile> {
  const found = await stat(path).catch(() => null)
  // 'a+', since the last byte of a file must be read.
  const flags = found === null || found.isFile() ? 'a+' : STREAM_FLAGS
  const file = await open(path, flags, 0o600).catch((error: NodeJS.ErrnoException) => {
    throw found?.isFIFO() && error.code === 'ENXIO'
      ? new Error('it is a pipe that no process reads from', { cause: error })
      : error
  })
  try {
    const { dev, ino, size } = await file.stat()
    return {
      endsMidLine: size > 0 && (await lastByte(file, size)) !== NEWLINE,
      write: async (bytes) => (await file.write(bytes)).bytesWritten,
      async isMoved() {
        try {
          const named = await stat(path)
          return named.ino !== ino || named.dev !== dev
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
            return true
          }
          throw error
        }
      },
      close: () => file.close(),
    }
  } catch (error) {
    await file.close()
    throw error
  }
}

async function lastByte(file: FileHandle, size: number): Promise<number | undefined> {
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1)
  return buffer[0]
}

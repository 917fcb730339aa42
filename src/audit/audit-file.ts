import { constants, type FileHandle, open, stat } from 'node:fs/promises'

const NEWLINE = 0x0a
/** Non-blocking: a pipe that is full or has no reader gives an error instead of blocking a thread for ever. */
const STREAM_FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK

/** The file of an audit log, open for appending. */
export interface AuditFile {
  /** Whether its last line is incomplete, because the process that wrote it died. */
  readonly endsMidLine: boolean
  /** Appends as many bytes as there is room for, and returns how many. If it throws, it appended none. */
  write(bytes: Uint8Array): Promise<number>
  /** Whether its path now names another file, or none. */
  isMoved(): Promise<boolean>
  close(): Promise<void>
}

/** Opens the file, or creates it readable by its owner alone. A pipe or a device works too. */
export async function openAuditFile(path: string): Promise<AuditFile> {
  const found = await stat(path).catch(() => null)
  // 'a+', because the last byte of a file must be read.
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

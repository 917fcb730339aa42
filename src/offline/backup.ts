import { makeFile, type Write } from '../files/write.js'
import type { BackupCounts } from '../stores/backup-format.js'
import { readBackup } from '../stores/backup-reader.js'

/**
 * Writes a server's backup into a new file that only its owner can read. The file gets its name once it is complete,
 * verified and on disk; a pipe gets the bytes as they arrive. `onProgress` receives the number of bytes so far. Throws
 * InputFileError, and whatever the chunks throw.
 */
export async function saveBackup(
  chunks: AsyncIterable<Uint8Array>,
  file: string,
  onProgress: (bytes: number) => void,
): Promise<BackupCounts & { readonly bytes: number }> {
  let bytes = 0
  const counts = await makeFile(file, (write) =>
    verify(
      save(chunks, write, (length) => {
        bytes += length
        onProgress(bytes)
      }),
    ),
  )
  return { ...counts, bytes }
}

async function* save(
  chunks: AsyncIterable<Uint8Array>,
  write: Write,
  onSaved: (length: number) => void,
): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of chunks) {
    await write(chunk)
    onSaved(chunk.length)
    yield chunk
  }
}

/** Reads a backup to its end and returns its counts. Throws InputFileError if it is incomplete. */
async function verify(chunks: AsyncIterable<Uint8Array>): Promise<BackupCounts> {
  const items = readBackup(chunks, 'the backup')
  for (;;) {
    const { value, done } = await items.next()
    if (done) {
      return value
    }
  }
}

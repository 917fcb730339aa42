import { makeFile, type Write } from '../files/write.js'
import type { BackupCounts } from '../stores/backup-format.js'
import { readBackup } from '../stores/backup-reader.js'

/**
 * Writes a backup that comes from a server into a new file, for its owner's eyes: under another name until
 * it is whole, verified and on disk; into a pipe as it comes. `onProgress` is told how many bytes came. Throws
 * InputFileError, and what the chunks throw.
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

/** Reads a backup to its end, which says whether it is whole. */
async function verify(chunks: AsyncIterable<Uint8Array>): Promise<BackupCounts> {
  const items = readBackup(chunks, 'the backup')
  for (;;) {
    const { value, done } = await items.next()
    if (done) {
      return value
    }
  }
}

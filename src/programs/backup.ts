import { randomBytes } from 'node:crypto'
import { type FileHandle, link, open, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { InputFileError } from '../core/errors.js'
import type { BackupCounts } from '../stores/backup-format.js'
import { readBackup } from '../stores/backup-reader.js'
import { syncDirectory } from '../sync-directory.js'

const IS_THERE = 'is there already: move it away first, or choose another name'

/**
 * Writes a backup that comes from a server into a new file, for its owner's eyes: under another name until
 * it is whole, verified and on disk. `onProgress` is told how many bytes came. Throws InputFileError, and what the chunks throw.
 */
export async function saveBackup(
  chunks: AsyncIterable<Uint8Array>,
  file: string,
  onProgress: (bytes: number) => void,
): Promise<BackupCounts & { readonly bytes: number }> {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`
  if (await stat(file).catch(() => null)) {
    throw new InputFileError(file, IS_THERE)
  }
  const handle = await writing(file, () => open(temporary, 'wx', 0o600))
  try {
    let bytes = 0
    const saved = save(chunks, handle, file, (length) => {
      bytes += length
      onProgress(bytes)
    })
    const counts = await verify(saved)
    await writing(file, async () => {
      await handle.sync()
      // Unlike renaming, this never replaces a file that is there.
      await link(temporary, file)
      await rm(temporary)
      await syncDirectory(dirname(file))
    })
    return { ...counts, bytes }
  } finally {
    await handle.close()
    await rm(temporary, { force: true })
  }
}

async function* save(
  chunks: AsyncIterable<Uint8Array>,
  handle: FileHandle,
  file: string,
  onSaved: (length: number) => void,
): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of chunks) {
    await writing(file, () => handle.appendFile(chunk))
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

import { type BackupItem, BackupSum, encodeItem, MAGIC } from './backup-format.js'

const CHUNK_BYTES = 64 * 1024

/** The file of these items, in chunks. Throws what the items throw. */
export async function* backupFile(
  items: AsyncIterable<BackupItem>,
): AsyncGenerator<Uint8Array, void> {
  const sum = new BackupSum()
  let chunk: Buffer[] = [MAGIC]
  let size = 0
  const flush = () => {
    const full = Buffer.concat(chunk)
    chunk = []
    size = 0
    // A record may be larger than a gRPC message.
    return Array.from({ length: Math.ceil(full.length / CHUNK_BYTES) }, (_, i) =>
      full.subarray(i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES),
    )
  }
  for await (const item of items) {
    const bytes = encodeItem(item)
    sum.add(item.kind, bytes)
    chunk.push(bytes)
    size += bytes.length
    if (size >= CHUNK_BYTES) {
      yield* flush()
    }
  }
  chunk.push(sum.end())
  yield* flush()
}

import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** Bytes of the files right in a directory. */
export async function bytesOnDisk(directory) {
  const names = await readdir(directory)
  const stats = await Promise.all(names.map((name) => stat(join(directory, name))))
  return stats.reduce((sum, { size }) => sum + size, 0)
}

import { randomBytes } from 'node:crypto'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Config } from '../config.js'
import { SealError, StoreMismatchError } from '../core/errors.js'
import { sealingKeysFromJson, sealKeyId } from '../crypto/seal.js'
import { readSecretFile } from '../keys/key-files.js'
import type { BackupCounts } from '../stores/backup-format.js'
import { readBackup } from '../stores/backup-reader.js'
import { restoreItems } from '../stores/level/restore.js'
import { syncDirectory } from '../sync-directory.js'
import { fileChunks, openInput } from './file-chunks.js'
import { storeLocation } from './stored-data.js'

export interface Restored {
  readonly counts: BackupCounts
  /** Ids of the keys that sealed what was restored, and that are not at hand. */
  readonly missingKeys: readonly string[]
}

/**
 * Makes the store of a server that does not run out of a backup file, which is verified first; all of it or
 * nothing. `onProgress` is told which part was read, from 0 to 1. Throws InputFileError,
 * StoreMismatchError where there is a store already, and the reason of `signal` when that is aborted.
 */
export async function restoreBackup(
  file: string,
  config: Pick<Config, 'dataDir' | 'sealingKeys'>,
  onProgress: (part: number) => void,
  signal?: AbortSignal,
): Promise<Restored> {
  const location = storeLocation(config)
  await expectNothing(location)
  const handle = await openInput(file)
  try {
    // Read twice, so that nothing is written on account of a file that is no good.
    const half = (offset: number) => (part: number) => {
      signal?.throwIfAborted()
      onProgress(offset + part / 2)
    }
    const sealedBy = await sealKeysIn(readBackup(fileChunks(handle, file, half(0)), file))
    const items = readBackup(fileChunks(handle, file, half(0.5)), file)
    const counts = await inPlace(location, (temporary) => restoreItems(items, temporary, file))
    const stored = await readSecretFile(config.sealingKeys)
    const keys = stored === null ? null : sealingKeysFromJson(stored, config.sealingKeys).keys
    return { counts, missingKeys: [...sealedBy].filter((id) => !keys?.has(id)) }
  } finally {
    await handle.close()
  }
}

async function expectNothing(location: string): Promise<void> {
  const names = await readdir(location).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') {
      return []
    }
    throw new StoreMismatchError(`${location} is no directory: ${error.message}`)
  })
  if (names.length > 0) {
    throw new StoreMismatchError(
      `${location} is there already: move it away first, or give another --data-dir`,
    )
  }
}

/** Runs `make` for a directory beside `location`, and gives it this name once it is whole and on disk. */
async function inPlace<T>(location: string, make: (temporary: string) => Promise<T>): Promise<T> {
  const parent = dirname(location)
  const temporary = `${location}.restoring-${randomBytes(6).toString('hex')}`
  await mkdir(parent, { recursive: true, mode: 0o700 })
  try {
    const made = await make(temporary)
    await syncDirectory(temporary)
    await rename(temporary, location).catch(async (error: Error) => {
      // Another restore, or a server that makes a store of its own, may have been faster.
      await expectNothing(location)
      throw new StoreMismatchError(`${location} cannot be made: ${error.message}`)
    })
    await syncDirectory(parent)
    return made
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

async function sealKeysIn(items: ReturnType<typeof readBackup>): Promise<Set<string>> {
  const ids = new Set<string>()
  for await (const item of items) {
    if (item.kind === 'seal') {
      try {
        ids.add(sealKeyId(item.sealed))
      } catch (error) {
        if (!(error instanceof SealError)) {
          throw error
        }
        // It names no key, as `sessiond check` will tell.
      }
    }
  }
  return ids
}

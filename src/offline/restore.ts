import { randomBytes } from 'node:crypto'
import { readdir, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Config } from '../config/serve-options.js'
import { storeLocation } from '../config/store-location.js'
import { SealError, StoreMismatchError } from '../core/errors.js'
import { sealingKeysFromJson, sealKeyId } from '../crypto/seal.js'
import { syncDirectory } from '../files/directory.js'
import { type InputProgress, openInput } from '../files/input.js'
import { readSecretFile } from '../keys/key-files.js'
import type { BackupCounts } from '../stores/backup-format.js'
import { readBackup } from '../stores/backup-reader.js'
import { restoreItems } from '../stores/level/maintenance/restore.js'

export interface Restored {
  readonly counts: BackupCounts
  /** Ids of the keys that sealed what was restored, and that are not at hand. */
  readonly missingKeys: readonly string[]
}

/**
 * Makes the store of a server that does not run out of a backup file, which may be a pipe: all of it or nothing, for
 * the store gets its name once the whole file is verified. Throws InputFileError, StoreMismatchError where
 * there is a store already, and the reason of `signal` when that is aborted.
 */
export async function restoreBackup(
  file: string,
  config: Pick<Config, 'dataDir' | 'sealingKeys'>,
  onProgress: (progress: InputProgress) => void,
  signal?: AbortSignal,
): Promise<Restored> {
  const location = storeLocation(config)
  await expectNothing(location)
  const input = openInput(file)
  try {
    const chunks = input.chunks((progress) => {
      onProgress(progress)
      signal?.throwIfAborted()
    })
    const sealedBy = new Set<string>()
    const items = noteSealingKeys(readBackup(chunks, file), sealedBy)
    const counts = await inPlace(location, (temporary) => restoreItems(items, temporary, file))
    const stored = await readSecretFile(config.sealingKeys)
    const keys = stored === null ? null : sealingKeysFromJson(stored, config.sealingKeys).keys
    return { counts, missingKeys: [...sealedBy].filter((id) => !keys?.has(id)) }
  } finally {
    input.close()
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

/** Adds the ids of the keys that sealed what comes by to `sealedBy`. */
async function* noteSealingKeys(
  items: ReturnType<typeof readBackup>,
  sealedBy: Set<string>,
): ReturnType<typeof readBackup> {
  for (;;) {
    const { value, done } = await items.next()
    if (done) {
      return value
    }
    if (value.kind === 'seal') {
      try {
        sealedBy.add(sealKeyId(value.sealed))
      } catch (error) {
        if (!(error instanceof SealError)) {
          throw error
        }
        // It names no key, as `sessiond check` will tell.
      }
    }
    yield value
  }
}

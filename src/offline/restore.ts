import { storePlace } from '../config/store-place.js'
import { SealError } from '../core/errors.js'
import { sealKeyId } from '../crypto/seal.js'
import { type InputProgress, openInput } from '../files/read.js'
import { readSecretFile } from '../keys/key-files.js'
import { sealingKeysFromJson } from '../keys/sealing-keys.js'
import type { BackupCounts } from '../stores/backup-format.js'
import { readBackup } from '../stores/backup-reader.js'
import { storeEngine } from '../stores/index.js'
import { capability } from './stored-data.js'

export interface Restored {
  /** Where the store is now. */
  readonly location: string
  readonly counts: BackupCounts
  /** Ids of sealing keys that restored seals need and that the key file lacks. */
  readonly missingKeys: readonly string[]
}

/**
 * Makes the store of a stopped server from a backup file, which may be a pipe: all or nothing. Throws InputFileError,
 * StoreMismatchError if there is a store already, ConfigError, and the reason of `signal` if that is aborted.
 */
export async function restoreBackup(
  file: string,
  config: Parameters<typeof storePlace>[0],
  onProgress: (progress: InputProgress) => void,
  signal?: AbortSignal,
): Promise<Restored> {
  const engine = await storeEngine(storePlace(config))
  const restore = capability(engine, 'restore')
  const input = openInput(file)
  try {
    const chunks = input.chunks((progress) => {
      onProgress(progress)
      signal?.throwIfAborted()
    })
    const sealedBy = new Set<string>()
    const items = noteSealingKeys(readBackup(chunks, file), sealedBy)
    const counts = await restore(items, file)
    const missingKeys = await missingSealingKeys(config.sealingKeys, sealedBy)
    return { location: engine.location, counts, missingKeys }
  } finally {
    input.close()
  }
}

/** Which of these sealing keys the file lacks. Throws InputFileError. */
export async function missingSealingKeys(
  file: string,
  ids: ReadonlySet<string>,
): Promise<readonly string[]> {
  const stored = await readSecretFile(file)
  const keys = stored === null ? null : sealingKeysFromJson(stored, file).keys
  return [...ids].filter((id) => !keys?.has(id))
}

/** Passes items through, and adds the ids of their sealing keys to `sealedBy`. */
export async function* noteSealingKeys(
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
        // It names no key; `sessiond check` reports it.
      }
    }
    yield value
  }
}

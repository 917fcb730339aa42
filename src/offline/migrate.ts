import { ConfigError } from '../config/config.js'
import { epochSettings } from '../config/epoch-settings.js'
import type { Config } from '../config/serve-options.js'
import { storePlace } from '../config/store-place.js'
import { StoreMismatchError } from '../core/errors.js'
import type { BackupCounts, BackupItem } from '../stores/backup-format.js'
import { readBackup } from '../stores/backup-reader.js'
import type { ServedStore, StoreEngine } from '../stores/engine.js'
import { parseStoreName, type StoreName, storeEngine } from '../stores/index.js'
import { missingSealingKeys, noteSealingKeys } from './restore.js'
import { capability } from './stored-data.js'

export interface MigrateHooks {
  /** A source of an earlier release gets the layout of this one before it is read: rows so far, and whether that is done. */
  onUpgrade(rows: number, isDone: boolean): void
  /** Sessions read so far, of how many. */
  onProgress(sessions: number, total: number): void
  /** All is written, and is read back now. */
  onVerify(): void
}

export interface Migrated {
  readonly from: string
  readonly to: string
  readonly counts: BackupCounts
  /** Ids of sealing keys that the sessions need and that the key file lacks. */
  readonly missingKeys: readonly string[]
}

type Items = AsyncGenerator<BackupItem, BackupCounts>

/**
 * Copies a store that no server uses into an empty one, of any kind, and reads the copy back before it becomes a store. The
 * source keeps all that it holds, in the layout of this release. Throws StoreMismatchError, StoreLockedError, StoreDamagedError, StoreUnavailableError, InputFileError, ConfigError, and the reason of `signal` if
 * that is aborted. Where the target can, a run that ended early goes on when it is run again.
 */
export async function migrateStore(
  names: { readonly from: string; readonly to: string },
  config: Config,
  hooks: MigrateHooks,
  signal: AbortSignal,
): Promise<Migrated> {
  const source = await storeEngine(
    storePlace({ ...config, store: storeNamed('--from', names.from) }),
  )
  const target = await storeEngine(storePlace({ ...config, store: storeNamed('--to', names.to) }))
  const restore = capability(target, 'restore')
  const store = await openSource(source, config, hooks)
  const sealedBy = new Set<string>()
  try {
    const { total } = await store.list({ skip: 0, take: 1, total: true })
    const name = source.location
    const items = readBackup(store.backup(Date.now()), name)
    const watched = watch(noteSealingKeys(items, sealedBy), total ?? 0, hooks, signal)
    const counts = await restore(watched, name, name)
    const missingKeys = await missingSealingKeys(config.sealingKeys, sealedBy)
    return { from: name, to: target.location, counts, missingKeys }
  } finally {
    await store.close()
  }
}

async function openSource(
  source: StoreEngine,
  config: Config,
  hooks: MigrateHooks,
): Promise<ServedStore> {
  if (!(await source.exists())) {
    throw new StoreMismatchError(`${source.location} holds no store: there is nothing to migrate`)
  }
  return source.open({
    epochs: epochSettings(config),
    isCopied: true,
    onUpgrade: (rows, isDone) => hooks.onUpgrade(rows, isDone),
  })
}

async function* watch(
  items: Items,
  total: number,
  hooks: MigrateHooks,
  signal: AbortSignal,
): Items {
  let sessions = 0
  try {
    for (;;) {
      signal.throwIfAborted()
      const { value, done } = await items.next()
      if (done) {
        hooks.onVerify()
        return value
      }
      if (value.kind === 'session') {
        sessions++
        hooks.onProgress(sessions, total)
      }
      yield value
    }
  } finally {
    await items.return(undefined as never)
  }
}

function storeNamed(flag: string, text: string): StoreName {
  try {
    return parseStoreName(text)
  } catch (error) {
    throw new ConfigError([`${flag}: ${(error as Error).message}`])
  }
}

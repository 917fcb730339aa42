import type { EpochSettings } from '../../../core/epoch.js'
import { StoreDamagedError } from '../../../core/errors.js'
import type { BackupItem } from '../../backup-format.js'
import { backupFile } from '../../backup-writer.js'
import { encodeEnding } from '../../rows/ending.js'
import type { ReadParts } from '../functions/functions.js'
import { readShard } from './shard-state.js'

/**
 * A backup file: each shard at one moment. Sealing keys are not in it. Throws StoreDamagedError rather than omit what cannot be
 * read, and StoreUnavailableError.
 */
export async function* backUp(
  store: ReadParts,
  epochs: EpochSettings,
  timeMs: number,
): AsyncGenerator<Uint8Array, void> {
  try {
    const header = { kind: 'header', timeMs, epochs, parts: store.shards.count } as const
    yield* backupFile(itemsOf(store, header))
  } catch (error) {
    throw error instanceof StoreDamagedError
      ? new StoreDamagedError(`${error.message}: "sessiond check" shows what else is wrong`, error)
      : error
  }
}

async function* itemsOf(
  store: ReadParts,
  header: BackupItem & { readonly kind: 'header' },
): AsyncGenerator<BackupItem, void> {
  yield header
  yield* storedItems(store, header.timeMs)
}

/** What the store holds, shard by shard. */
export async function* storedItems(
  store: ReadParts,
  nowMs: number,
): AsyncGenerator<BackupItem, void> {
  for (const shard of store.shards) {
    const { sessions, entries, deadlines, endings } = await readShard(store, shard, nowMs)
    for (const { record } of sessions.values()) {
      yield { kind: 'session', record }
    }
    for (const [id, { seal }] of sessions) {
      if (seal !== undefined) {
        yield { kind: 'seal', id, sealed: seal }
      }
    }
    for (const { scope, entry } of entries) {
      yield { kind: 'entry', scope, entry }
    }
    for (const deadline of deadlines) {
      yield { kind: 'deadline', deadline }
    }
    for (const ending of endings) {
      yield { kind: 'ending', ending: encodeEnding(ending) }
    }
  }
}

import type { EpochSettings } from '../../../core/epoch.js'
import { StoreDamagedError } from '../../../core/errors.js'
import type { BackupItem } from '../../backup-format.js'
import { backupFile } from '../../backup-writer.js'
import { encodeSession } from '../../rows/codec.js'
import { idOf, type KeyRange, RANGES } from '../layout/keys.js'
import { storedDeadlineRow, storedEntry, storedSession } from '../layout/stored.js'
import type { View } from '../read/view.js'
import { giveWay } from '../read/view.js'

/**
 * A backup file of the current state, in chunks: every row that cannot be derived from the others. Sealing keys are not
 * in it. Throws StoreDamagedError rather than omit a row that cannot be read, and StoreUnavailableError.
 */
export async function* backUp(
  openView: () => Promise<View>,
  epochs: EpochSettings,
  timeMs: number,
): AsyncGenerator<Uint8Array, void> {
  const view = await openView()
  try {
    yield* backupFile(items(view, epochs, timeMs))
  } finally {
    await view.close()
  }
}

/** Converts a row to its item. Throws StoreDamagedError. */
type ReadRow = (key: Buffer, value: Uint8Array) => BackupItem

const READERS: readonly (readonly [KeyRange, ReadRow])[] = [
  [
    RANGES.sessions,
    (key, record) => {
      const session = storedSession(key, record)
      // An earlier release left user and data in the records of ended sessions.
      return { kind: 'session', record: session.active ? record : encodeSession(session) }
    },
  ],
  [RANGES.seals, (key, sealed) => ({ kind: 'seal', id: idOf(key), sealed })],
  [
    RANGES.entries,
    (key, entry) => ({ kind: 'entry', scope: storedEntry(key, entry).scope, entry }),
  ],
  [RANGES.deadlines, (key, value) => ({ kind: 'deadline', ...storedDeadlineRow(key, value) })],
]

async function* items(
  view: View,
  epochs: EpochSettings,
  timeMs: number,
): AsyncGenerator<BackupItem, void> {
  yield { kind: 'header', timeMs, epochs }
  try {
    yield* storedItems(view)
  } catch (error) {
    throw error instanceof StoreDamagedError
      ? new StoreDamagedError(
          `${error.message}: "sessiond check" shows what else is wrong, and "sessiond repair" mends it`,
          error,
        )
      : error
  }
}

/** Every row that cannot be derived from the others. */
export async function* storedItems(view: View): AsyncGenerator<BackupItem, void> {
  for (const [range, read] of READERS) {
    for await (const slice of view.rows(range)) {
      for (const [key, value] of slice) {
        yield read(key, value)
        await giveWay()
      }
    }
  }
}

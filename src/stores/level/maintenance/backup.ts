import type { EpochSettings } from '../../../core/epoch.js'
import { StoreDamagedError } from '../../../core/errors.js'
import type { BackupItem } from '../../backup-format.js'
import { backupFile } from '../../backup-writer.js'
import { encodeSession } from '../../rows/codec.js'
import { encodeEnding } from '../../rows/ending.js'
import { idOf, type KeyRange, RANGES, sessionKey } from '../layout/keys.js'
import { storedDeadlineRow, storedEnding, storedEntry, storedSession } from '../layout/stored.js'
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

/** Converts a row to its item. null: it follows from another row. Throws StoreDamagedError. */
type ReadRow = (key: Buffer, value: Uint8Array) => BackupItem | null

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
  [
    RANGES.deadlines,
    (key, value) => {
      const row = storedDeadlineRow(key, value)
      return row.deadline.kind === 'ending' ? null : { kind: 'deadline', ...row }
    },
  ],
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
        const item = read(key, value)
        if (item !== null) {
          yield item
        }
        await giveWay()
      }
    }
  }
  for await (const slice of view.rows(RANGES.endings)) {
    const endings = slice.map(([key, value]) => storedEnding(key, value))
    const records = await view.values(endings.map(({ id }) => sessionKey(id)))
    // That of a session which is still there follows from its record.
    for (const ending of endings.filter((_, i) => records[i] === undefined)) {
      yield { kind: 'ending', ending: encodeEnding(ending) }
    }
  }
}

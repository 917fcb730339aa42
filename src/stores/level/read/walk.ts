import type { Session } from '../../../core/session.js'
import type { Deadline, WalkedEntry } from '../../../core/store.js'
import {
  entryRange,
  idOf,
  type KeyRange,
  RANGES,
  requestTimeRange,
  userRange,
} from '../layout/keys.js'
import { storedDeadline, storedEntry } from '../layout/stored.js'
import { type OnDamaged, readableSessions, readSessions } from './list.js'
import type { View } from './view.js'

/** Keys in a step: reading and using their records takes one turn of the event loop. */
const STEP_KEYS = 100

type OpenView = () => Promise<View>

export function walkSeals(openView: OpenView): AsyncGenerator<string[], void> {
  return walk(openView, rowsOf(RANGES.seals), (rows) => rows.map(([key]) => idOf(key)))
}

export function walkSessions(
  openView: OpenView,
  userId: string,
  active?: boolean,
  onDamaged?: OnDamaged,
): AsyncGenerator<Session[], void> {
  const range = active === undefined ? userRange(userId) : requestTimeRange({ userId }, active)
  const { timeOffset } = range
  const recordsOf = (view: View) => ({ readMany: (keys: Buffer[]) => view.values(keys) })
  return onDamaged === undefined
    ? walk(openView, rowsOf(range), (rows, view) =>
        readSessions(
          rows.map(([key]) => key),
          timeOffset,
          recordsOf(view),
        ),
      )
    : walk(
        openView,
        (view) => view.keys(range, STEP_KEYS),
        (keys, view) => readableSessions(keys, timeOffset, recordsOf(view), onDamaged),
      )
}

export function walkIdempotency(
  openView: OpenView,
  owner: Uint8Array,
): AsyncGenerator<WalkedEntry[], void> {
  return walk(openView, rowsOf(entryRange(owner)), (rows) =>
    rows.map(([key, value]) => {
      const { scope, entry } = storedEntry(key, value)
      return { scope, sessionId: entry.sessionId, expiresTimeMs: entry.expiresTimeMs }
    }),
  )
}

export function walkDeadlines(openView: OpenView): AsyncGenerator<Deadline[], void> {
  return walk(openView, rowsOf(RANGES.deadlines), (rows) =>
    rows.map(([key]) => storedDeadline(key)),
  )
}

const rowsOf = (range: KeyRange) => (view: View) => view.rows(range)

/** Walks one snapshot, and yields what `read` makes of each slice. */
async function* walk<Met, Made>(
  openView: OpenView,
  begin: (view: View) => AsyncIterable<Met[]>,
  read: (met: Met[], view: View) => Made | Promise<Made>,
): AsyncGenerator<Made, void> {
  const view = await openView()
  try {
    for await (const met of begin(view)) {
      yield await read(met, view)
    }
  } finally {
    await view.close()
  }
}

import type { Session } from '../../../core/session.js'
import type { Deadline, WalkedEntry } from '../../../core/store.js'
import { decodeAnswer } from '../layout/codec.js'
import {
  answerRange,
  deadlineOf,
  idAfterTime,
  idOf,
  type KeyRange,
  RANGES,
  requestTimeRange,
  scopeOf,
  sessionKey,
  userRange,
} from '../layout/keys.js'
import { listed } from './list.js'
import type { Slice, View } from './view.js'

/** What is made of so many rows, here or by who asked, takes one turn of the event loop. */
const STEP_ROWS = 100

type OpenView = () => Promise<View>

export function walkSeals(openView: OpenView): AsyncGenerator<string[], void> {
  return walk(openView, RANGES.seals, (rows) => rows.map(([key]) => idOf(key)))
}

export function walkSessions(
  openView: OpenView,
  userId: string,
  active?: boolean,
): AsyncGenerator<Session[], void> {
  const range = active === undefined ? userRange(userId) : requestTimeRange({ userId }, active)
  return walk(openView, range, async (rows, view) => {
    const ids = rows.map(([key]) => idAfterTime(key, range.timeOffset))
    const records = await view.values(ids.map(sessionKey))
    return records.map((record, i) => listed(rows[i]?.[0] as Buffer, range.timeOffset, record))
  })
}

export function walkIdempotency(
  openView: OpenView,
  owner: Uint8Array,
): AsyncGenerator<WalkedEntry[], void> {
  return walk(openView, answerRange(owner), (rows) =>
    rows.map(([key, value]) => {
      const { sessionId, expiresTimeMs } = decodeAnswer(value)
      return { scope: scopeOf(key), sessionId, expiresTimeMs }
    }),
  )
}

export function walkDeadlines(openView: OpenView): AsyncGenerator<Deadline[], void> {
  return walk(openView, RANGES.deadlines, (rows) => rows.map(([key]) => deadlineOf(key)))
}

/** What `read` makes of a range, some rows at a time, as it was when the walk began. */
async function* walk<T>(
  openView: OpenView,
  range: KeyRange,
  read: (rows: Slice, view: View) => T | Promise<T>,
): AsyncGenerator<T, void> {
  const view = await openView()
  try {
    for await (const rows of view.rows(range)) {
      for (let i = 0; i < rows.length; i += STEP_ROWS) {
        yield await read(rows.slice(i, i + STEP_ROWS), view)
      }
    }
  } finally {
    await view.close()
  }
}

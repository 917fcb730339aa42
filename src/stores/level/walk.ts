import type { Session } from '../../core/session.js'
import type { Deadline, IdempotencyEntry } from '../../core/store.js'
import { decodeAnswer } from './codec.js'
import type { ByteLevel, Database } from './database.js'
import {
  answerRange,
  answerScopeOf,
  deadlineOf,
  deadlineRange,
  idAfterTime,
  idOfSealKey,
  type KeyRange,
  SEAL_RANGE,
  userRange,
} from './keys.js'
import { readSessions } from './list.js'
import type { Snapshot } from './scan.js'

/** A few milliseconds of the event loop, decoding included. */
const SLICE_ROWS = 100

/**
 * The rows of a range in slices, as they were when the walk began. `read` makes something of each slice.
 * Between two the database is let go of, so that who is slow to read on holds up neither its closing
 * nor its reopening; both end the walk with StoreUnavailableError.
 */
async function* walk<T>(
  database: Database,
  { gte, lt }: KeyRange,
  read: (rows: [Buffer, Uint8Array][], level: ByteLevel, snapshot: Snapshot) => T | Promise<T>,
): AsyncGenerator<T, void> {
  const snapshot = await database.read((level) => level.snapshot())
  try {
    let start: { gte: Buffer } | { gt: Buffer } = { gte }
    for (;;) {
      const slice = await database.read(async (level) => {
        const rows = await level.iterator({ ...start, lt, limit: SLICE_ROWS, snapshot }).all()
        return { last: rows.at(-1)?.[0], result: await read(rows, level, snapshot) }
      })
      if (slice.last === undefined) {
        return
      }
      yield slice.result
      start = { gt: slice.last }
    }
  } finally {
    await snapshot.close()
  }
}

export function walkSeals(database: Database): AsyncGenerator<string[], void> {
  return walk(database, SEAL_RANGE, (rows) => rows.map(([key]) => idOfSealKey(key)))
}

export function walkSessions(database: Database, userId: string): AsyncGenerator<Session[], void> {
  const range = userRange(userId)
  return walk(database, range, (rows, level, snapshot) => {
    const ids = rows.map(([key]) => idAfterTime(key, range.timeOffset))
    return readSessions(level, ids, snapshot)
  })
}

export function walkAnswers(
  database: Database,
  owner: Uint8Array,
): AsyncGenerator<IdempotencyEntry[], void> {
  return walk(database, answerRange(owner), (rows) =>
    rows.map(([key, value]) => {
      const { sessionId, expiresTimeMs } = decodeAnswer(value)
      return { scope: answerScopeOf(key), sessionId, expiresTimeMs }
    }),
  )
}

export function walkDeadlines(database: Database): AsyncGenerator<Deadline[], void> {
  return walk(database, deadlineRange(Infinity), (rows) => rows.map(([key]) => deadlineOf(key)))
}

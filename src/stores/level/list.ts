import { StoreDamagedError } from '../../core/errors.js'
import type { Session } from '../../core/session.js'
import type { ListQuery, SessionPage } from '../../core/store.js'
import type { ByteLevel, Snapshot } from './byte-level.js'
import { decodeSession } from './codec.js'
import { storeError } from './database.js'
import { idAfterTime, listsAt, requestTimeRange, sessionKey, type TimeRange } from './keys.js'
import { quoted } from './row-name.js'
import { count, scan } from './scan.js'

/** Records to decode in one turn of the event loop. */
const SLICE_RECORDS = 100

/**
 * One page, from one snapshot: walks index keys, and reads only the records that it returns. `onDamaged`: is told of those
 * that are damaged, and which are then left out; else they are thrown.
 */
export async function listSessions(
  level: ByteLevel,
  query: ListQuery,
  onDamaged?: (problem: string) => void,
): Promise<SessionPage> {
  const ranges =
    query.active === undefined
      ? [requestTimeRange(query, true), requestTimeRange(query, false)]
      : [requestTimeRange(query, query.active)]
  const snapshot = level.snapshot()
  try {
    const keys = await pageKeys(level, ranges, query, snapshot)
    const timeOffset = ranges[0]?.timeOffset ?? 0
    const sessions: Session[] = []
    for (let i = 0; i < keys.length; i += SLICE_RECORDS) {
      const slice = keys.slice(i, i + SLICE_RECORDS)
      sessions.push(
        ...(onDamaged === undefined
          ? await readSessions(level, slice, timeOffset, snapshot)
          : await readableSessions(level, slice, timeOffset, snapshot, onDamaged)),
      )
    }
    if (!query.total) {
      return { sessions, total: null }
    }
    let total = 0
    for (const range of ranges) {
      total += await count(level, range, { snapshot })
    }
    return { sessions, total }
  } finally {
    await snapshot.close()
  }
}

async function pageKeys(
  level: ByteLevel,
  ranges: readonly TimeRange[],
  { skip, take }: ListQuery,
  snapshot: Snapshot,
): Promise<Buffer[]> {
  const end = skip + take
  // One user or none for all ranges, so the time begins at one place in all keys.
  const timeOffset = ranges[0]?.timeOffset ?? 0
  const keys: Buffer[] = []
  let position = 0
  const slices = ranges
    .map((range) => scan(level, range, { snapshot, limit: end }))
    .reduce((one, other) => merge(one, other, timeOffset))
  for await (const slice of slices) {
    keys.push(...slice.slice(Math.max(skip - position, 0), end - position))
    position += slice.length
    if (position >= end) {
      break
    }
  }
  return keys
}

/** The records hold the keys that led to them to what they say: of keys alone no checksum is read. */
async function readSessions(
  level: ByteLevel,
  keys: readonly Buffer[],
  timeOffset: number,
  snapshot: Snapshot,
): Promise<Session[]> {
  const ids = keys.map((key) => idAfterTime(key, timeOffset))
  const records = await level.getMany(ids.map(sessionKey), { snapshot })
  return records.map((record, i) => {
    if (record === undefined) {
      throw new StoreDamagedError(
        `a list names session ${quoted(ids[i] ?? '')}, which has no record`,
      )
    }
    const session = decodeSession(record)
    if (!listsAt(keys[i] as Buffer, timeOffset, session)) {
      throw new StoreDamagedError(
        `a list names session ${quoted(session.id)} where it does not stand`,
      )
    }
    return session
  })
}

/** Those of the sessions that can be read, one by one. */
async function readableSessions(
  level: ByteLevel,
  keys: readonly Buffer[],
  timeOffset: number,
  snapshot: Snapshot,
  onDamaged: (problem: string) => void,
): Promise<Session[]> {
  const found: Session[] = []
  for (const key of keys) {
    try {
      found.push(...(await readSessions(level, [key], timeOffset, snapshot)))
    } catch (cause) {
      const error = storeError('a read failed', cause)
      if (!(error instanceof StoreDamagedError)) {
        throw error
      }
      onDamaged(error.message)
    }
  }
  return found
}

/** Two sorted walks as one, compared from `offset` in each key. */
async function* merge(
  one: AsyncGenerator<Buffer[], void>,
  other: AsyncGenerator<Buffer[], void>,
  offset: number,
): AsyncGenerator<Buffer[], void> {
  try {
    let left = await next(one)
    let right = await next(other)
    while (left.length > 0 && right.length > 0) {
      const merged: Buffer[] = []
      let l = 0
      let r = 0
      for (;;) {
        const a = left[l]
        const b = right[r]
        if (a === undefined || b === undefined) {
          break
        }
        if (a.compare(b, offset, b.length, offset, a.length) < 0) {
          merged.push(a)
          l++
        } else {
          merged.push(b)
          r++
        }
      }
      yield merged
      left = l < left.length ? left.slice(l) : await next(one)
      right = r < right.length ? right.slice(r) : await next(other)
    }
    yield left
    yield* one
    yield right
    yield* other
  } finally {
    await one.return()
    await other.return()
  }
}

/** The next slice; an empty one at the end. */
async function next(slices: AsyncGenerator<Buffer[], void>): Promise<Buffer[]> {
  return (await slices.next()).value ?? []
}

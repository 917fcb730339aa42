import type { Session } from '../../core/session.js'
import type { ListQuery, SessionPage } from '../../core/store.js'
import { decodeSession } from './codec.js'
import type { ByteLevel } from './database.js'
import { idAfterTime, requestTimeRange, sessionKey, type TimeRange } from './keys.js'
import { count, type Snapshot, scan } from './scan.js'

/** Records to decode in one turn of the event loop. */
const SLICE_RECORDS = 100

/** One page, from one snapshot: walks index keys, and reads only the records that it returns. */
export async function listSessions(level: ByteLevel, query: ListQuery): Promise<SessionPage> {
  const ranges =
    query.active === undefined
      ? [requestTimeRange(query, true), requestTimeRange(query, false)]
      : [requestTimeRange(query, query.active)]
  const snapshot = level.snapshot()
  try {
    const ids = await pageIds(level, ranges, query, snapshot)
    const sessions: Session[] = []
    for (let i = 0; i < ids.length; i += SLICE_RECORDS) {
      sessions.push(...(await readSessions(level, ids.slice(i, i + SLICE_RECORDS), snapshot)))
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

async function pageIds(
  level: ByteLevel,
  ranges: readonly TimeRange[],
  { skip, take }: ListQuery,
  snapshot: Snapshot,
): Promise<string[]> {
  const end = skip + take
  // One user or none for all ranges, so the time begins at one place in all keys.
  const timeOffset = ranges[0]?.timeOffset ?? 0
  const ids: string[] = []
  let position = 0
  const slices = ranges
    .map((range) => scan(level, range, { snapshot, limit: end }))
    .reduce((one, other) => merge(one, other, timeOffset))
  for await (const slice of slices) {
    for (const key of slice.slice(Math.max(skip - position, 0), end - position)) {
      ids.push(idAfterTime(key, timeOffset))
    }
    position += slice.length
    if (position >= end) {
      break
    }
  }
  return ids
}

async function readSessions(
  level: ByteLevel,
  ids: readonly string[],
  snapshot: Snapshot,
): Promise<Session[]> {
  const records = await level.getMany(ids.map(sessionKey), { snapshot })
  return records.map((record, i) => {
    if (record === undefined) {
      throw new Error(`an index names session ${ids[i]}, which has no record`)
    }
    return decodeSession(record)
  })
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

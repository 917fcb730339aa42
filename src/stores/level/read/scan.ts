import type { ByteLevel, Reading, Walking } from '../byte-level.js'
import type { KeyRange } from '../layout/keys.js'

/** Keys in a slice: a few milliseconds of the event loop. */
export const SLICE_ROWS = 500
/** LevelDB's default of 16 KiB would end slices early. */
export const SLICE_BYTES = 256 * 1024

/** Runs a function that only reads the database, such as `Database.read`. */
export type Read = <T>(fn: (level: ByteLevel) => T | Promise<T>) => Promise<T>

interface Walk<T> {
  nextv(size: number): Promise<T[]>
  close(): Promise<void>
}

/** A walk in slices of at most `size`. Each slice is a read of its own, and other work runs between two. */
export async function* slices<T>(
  read: Read,
  begin: (level: ByteLevel) => Walk<T>,
  size: number,
): AsyncGenerator<T[], void> {
  const walk = await read(begin)
  try {
    for (;;) {
      const slice = await read(() => walk.nextv(size))
      if (slice.length === 0) {
        return
      }
      yield slice
    }
  } finally {
    await walk.close()
  }
}

/** The keys of a range, at most `limit`, in slices of at most `size`. */
export function scan(
  read: Read,
  { gte, lt }: KeyRange,
  { snapshot, limit }: Reading & { readonly limit?: number } = {},
  size = SLICE_ROWS,
): AsyncGenerator<Buffer[], void> {
  const walking = {
    ...{ gte, lt, highWaterMarkBytes: SLICE_BYTES },
    ...(snapshot && { snapshot }),
    ...(limit !== undefined && { limit }),
  }
  return slices(read, (level) => level.keys(walking), size)
}

/** The first keys of a range, at once. */
export async function firstKeys(
  level: ByteLevel,
  walking: Walking & { readonly limit: number },
): Promise<Buffer[]> {
  const { limit } = walking
  const walk = level.keys({ ...walking, highWaterMarkBytes: SLICE_BYTES })
  try {
    let keys = await walk.nextv(limit)
    // Long keys come in several parts.
    for (let more = keys; more.length > 0 && keys.length < limit; keys = keys.concat(more)) {
      more = await walk.nextv(limit - keys.length)
    }
    return keys
  } finally {
    await walk.close()
  }
}

/** Reads as part of another read. */
export const within =
  (level: ByteLevel): Read =>
  async (fn) =>
    fn(level)

/** Counts what a walk yields. */
export async function count(walk: AsyncIterable<readonly unknown[]>): Promise<number> {
  let total = 0
  for await (const slice of walk) {
    total += slice.length
  }
  return total
}

/** Merges two sorted walks, comparing keys from `offset` on. */
export async function* merge(
  one: AsyncGenerator<Buffer[], void>,
  other: AsyncGenerator<Buffer[], void>,
  offset: number,
): AsyncGenerator<Buffer[], void> {
  try {
    let left = await next(one)
    let right = await next(other)
    while (left.length > 0 && right.length > 0) {
      const { merged, restOfLeft, restOfRight } = mergeUntilOneEnds(left, right, offset)
      yield merged
      left = restOfLeft.length > 0 ? restOfLeft : await next(one)
      right = restOfRight.length > 0 ? restOfRight : await next(other)
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

/** Merges two sorted lists of keys, comparing them from `offset` on. */
export function mergeKeys(left: Buffer[], right: Buffer[], offset: number): Buffer[] {
  const { merged, restOfLeft, restOfRight } = mergeUntilOneEnds(left, right, offset)
  return merged.concat(restOfLeft, restOfRight)
}

function mergeUntilOneEnds(left: Buffer[], right: Buffer[], offset: number) {
  const merged: Buffer[] = []
  let l = 0
  let r = 0
  for (;;) {
    const a = left[l]
    const b = right[r]
    if (a === undefined || b === undefined) {
      return { merged, restOfLeft: left.slice(l), restOfRight: right.slice(r) }
    }
    if (a.compare(b, offset, b.length, offset, a.length) < 0) {
      merged.push(a)
      l++
    } else {
      merged.push(b)
      r++
    }
  }
}

/** The next slice; an empty one at the end. */
async function next(slices: AsyncGenerator<Buffer[], void>): Promise<Buffer[]> {
  return (await slices.next()).value ?? []
}

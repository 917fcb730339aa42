import type { ByteLevel, Reading } from '../byte-level.js'
import type { KeyRange } from '../layout/keys.js'

/** Rows to a slice: a few milliseconds of the event loop each. */
export const SLICE_ROWS = 500
/** So that slices do not end early at the default of 16 KiB. */
export const SLICE_BYTES = 256 * 1024

/** Runs a function that only reads, as `Database.read` does. */
export type Read = <T>(fn: (level: ByteLevel) => T | Promise<T>) => Promise<T>

interface Walk<T> {
  nextv(size: number): Promise<T[]>
  close(): Promise<void>
}

/** What a walk meets, in slices of at most `size`. Each is a read of its own; other work gets its turn between two. */
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

/** The keys of a range in slices of at most `size`; with `limit` at most so many of them. */
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

/** For reads that are part of another. */
export const within =
  (level: ByteLevel): Read =>
  async (fn) =>
    fn(level)

/** How many rows a walk meets. Throws the signal's reason. */
export async function count(
  walk: AsyncIterable<readonly unknown[]>,
  signal?: AbortSignal,
): Promise<number> {
  let total = 0
  for await (const slice of walk) {
    signal?.throwIfAborted()
    total += slice.length
  }
  return total
}

/** Two sorted walks over keys as one, compared from `offset` in each key. */
export async function* merge(
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

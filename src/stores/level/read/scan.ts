import type { ByteLevel, Reading } from '../byte-level.js'
import type { KeyRange } from '../layout/keys.js'

/** Rows to a slice: a few milliseconds of the event loop each. */
export const SLICE_ROWS = 500
/** So that slices do not end early at the default of 16 KiB. */
export const SLICE_BYTES = 256 * 1024

/** The keys of a range in slices; other work gets its turn between two. */
export async function* scan(
  level: ByteLevel,
  { gte, lt }: KeyRange,
  { snapshot, limit }: Reading & { readonly limit?: number } = {},
): AsyncGenerator<Buffer[], void> {
  const keys = level.keys({
    gte,
    lt,
    highWaterMarkBytes: SLICE_BYTES,
    ...(snapshot && { snapshot }),
    ...(limit !== undefined && { limit }),
  })
  try {
    for (;;) {
      const slice = await keys.nextv(SLICE_ROWS)
      if (slice.length === 0) {
        return
      }
      yield slice
    }
  } finally {
    await keys.close()
  }
}

/** How many keys a range has. */
export async function count(level: ByteLevel, range: KeyRange, at?: Reading): Promise<number> {
  let total = 0
  for await (const slice of scan(level, range, at)) {
    total += slice.length
  }
  return total
}

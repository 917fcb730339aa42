import type { EndingsPage } from '../../../core/store.js'
import { readTime } from '../../rows/key-parts.js'
import type { ByteLevel } from '../byte-level.js'
import { endingsAfter, PLACE_BYTES, placeOfEnding, TALLY_KEY } from '../layout/keys.js'
import { storedEnding, storedTally } from '../layout/stored.js'

/** Before every ending. */
const BEGINNING = Buffer.alloc(PLACE_BYTES)

/** `SessionStore.endings`. A cursor is the id of the store, and the place of the last ending. */
export async function readEndings(
  level: ByteLevel,
  storeId: Uint8Array,
  cursor: Uint8Array,
  limit: number,
): Promise<EndingsPage> {
  const from = placeIn(level, storeId, cursor)
  const rows = level.iterator({ ...endingsAfter(from ?? BEGINNING), limit })
  const found: [Buffer, Uint8Array][] = []
  try {
    // A walk gives few rows at a time where they are many bytes.
    for (let more = await rows.nextv(limit); more.length > 0; more = await rows.nextv(limit)) {
      found.push(...more)
    }
  } finally {
    await rows.close()
  }
  const last = found.at(-1)
  const place = last === undefined ? (from ?? BEGINNING) : placeOfEnding(last[0])
  return {
    endings: found.map(([key, value]) => storedEnding(key, value)),
    cursor: Buffer.concat([storeId, place]),
    isFull: from === null,
    hasMore: found.length === limit,
  }
}

/** The place in a cursor of this store. null: it is of another one, or of a copy of this one that knew later commits. */
function placeIn(level: ByteLevel, storeId: Uint8Array, cursor: Uint8Array): Buffer | null {
  const { length } = storeId
  if (
    cursor.length !== length + PLACE_BYTES ||
    Buffer.compare(cursor.subarray(0, length), storeId)
  ) {
    return null
  }
  const place = Buffer.from(cursor.subarray(length))
  return readTime(place, 0) <= storedTally(level.getSync(TALLY_KEY)).commits ? place : null
}

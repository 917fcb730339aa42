import type { EndingsPage } from '../../../core/store.js'
import { STORE_ID_BYTES } from '../layout/info.js'
import { markValue, readEnding } from '../layout/values.js'
import type { StoreParts } from '../parts.js'

/** Of the place in a shard, behind which a reader goes on. */
const PLACE_BYTES = 7

/**
 * `SessionStore.endings`. A cursor is the id of the store, and the place in each shard. A place is passed over only once what
 * stands there is durable: otherwise another ending could get it after a failover.
 */
export async function readEndings(
  parts: StoreParts,
  cursor: Uint8Array,
  limit: number,
  of?: ReadonlySet<string>,
): Promise<EndingsPage> {
  const { functions, info, shards } = parts
  const known = placesIn(parts, cursor)
  const places = known ?? Array.from(shards, () => 0)
  const asked = of && known ? shardsOf(parts, of) : [...shards]
  let hasMore = false
  const found = await Promise.all(
    asked.map(async (shard) => {
      const { endingOrder: order, endings: values, mark } = shards.keysOf(shard)
      const part = { place: places[shard] as number, limit, mark: markValue(mark) }
      const rows = await functions.behind(shard, { order, values, mark }, part)
      places[shard] = rows.at(-1)?.score ?? part.place
      hasMore ||= rows.length === limit
      return rows.map(({ member, value }) => readEnding(values, member, value))
    }),
  )
  return {
    endings: found.flat(),
    cursor: cursorOf(info.storeId, places),
    isFull: known === null,
    hasMore,
  }
}

/** Those that may have endings of these sessions. Of ids that name no shard: all. */
function shardsOf({ shards, whereabouts }: StoreParts, ids: ReadonlySet<string>): number[] {
  const named = new Set<number>()
  for (const id of ids) {
    const shard = whereabouts.likely(id)
    if (shard === undefined) {
      return [...shards]
    }
    named.add(shard)
  }
  return [...named]
}

/** null: it is no cursor of this store. */
function placesIn({ info, shards }: StoreParts, cursor: Uint8Array): number[] | null {
  const bytes = Buffer.from(cursor)
  const isOurs =
    bytes.length === STORE_ID_BYTES + shards.count * PLACE_BYTES &&
    bytes.subarray(0, STORE_ID_BYTES).equals(info.storeId)
  return isOurs
    ? Array.from(shards, (shard) => readPlace(bytes, STORE_ID_BYTES + shard * PLACE_BYTES))
    : null
}

function cursorOf(storeId: Uint8Array, places: readonly number[]): Buffer {
  const bytes = Buffer.alloc(STORE_ID_BYTES + places.length * PLACE_BYTES)
  bytes.set(storeId)
  for (const [shard, place] of places.entries()) {
    const at = STORE_ID_BYTES + shard * PLACE_BYTES
    bytes.writeUIntBE(Math.floor(place / 2 ** 32), at, PLACE_BYTES - 4)
    bytes.writeUInt32BE(place % 2 ** 32, at + PLACE_BYTES - 4)
  }
  return bytes
}

function readPlace(bytes: Buffer, at: number): number {
  return bytes.readUIntBE(at, PLACE_BYTES - 4) * 2 ** 32 + bytes.readUInt32BE(at + PLACE_BYTES - 4)
}

import { LRUCache } from 'lru-cache'
import type { ListQuery } from '../../../core/store.js'
import type { ByteLevel, Snapshot } from '../byte-level.js'
import type { KeyRange } from '../layout/keys.js'
import { firstKeys, mergeKeys } from './scan.js'
import type { Wanted } from './wanted.js'

const MAX_PLACES = 1000

/**
 * Where pages of short lists began lately. A list of such a page counts the keys before that place, which is much cheaper
 * than reading them, and reads on from there: backwards if more sessions come before it now, forwards if fewer do.
 */
export class Places {
  /** What stands in the first key from its time on, by list and `skip`. */
  private readonly places = new LRUCache<string, Buffer>({ max: MAX_PLACES })

  /** The keys of a page; undefined if no place near it is known. */
  async keysOf(
    level: ByteLevel,
    snapshot: Snapshot,
    { query, ranges, timeOffset }: Wanted,
  ): Promise<Buffer[] | undefined> {
    const { skip, take } = query
    const place = skip > 0 ? this.places.get(nameOf(query, skip)) : undefined
    if (place === undefined) {
      return undefined
    }
    const places = ranges.map(({ gte }) => Buffer.concat([gte.subarray(0, timeOffset), place]))
    const before = ranges.map(({ gte }, i): KeyRange => ({ gte, lt: places[i] as Buffer }))
    const after = ranges.map(({ lt }, i): KeyRange => ({ gte: places[i] as Buffer, lt }))
    const counts = await Promise.all(
      before.map((range) => level.count({ ...range, snapshot, limit: 2 * skip + 1 })),
    )
    const passed = counts.reduce((sum, count) => sum + count)
    if (passed > 2 * skip) {
      return undefined // It would read more keys backwards than there are from the beginning.
    }
    const read = async (parts: readonly KeyRange[], limit: number, reverse: boolean) => {
      const found = await Promise.all(
        (limit > 0 ? parts : []).map((range) =>
          firstKeys(level, { ...range, snapshot, limit, reverse }),
        ),
      )
      const sorted = reverse ? found.map((keys) => keys.reverse()) : found
      const keys = sorted.reduce((one, other) => mergeKeys(one, other, timeOffset), [])
      return reverse ? keys.slice(-limit) : keys.slice(0, limit)
    }
    const back = passed > skip ? await read(before, passed - skip, true) : []
    const keys = back.concat(await read(after, skip + take - passed, false))
    const offset = Math.max(skip - passed, 0)
    return keys.slice(offset, offset + take)
  }

  /** Remembers where this page begins and where the next one does. */
  remember({ query, keys, timeOffset }: Wanted): void {
    const [first, last] = [keys[0], keys.at(-1)]
    if (first !== undefined && last !== undefined) {
      // Copies: the next list of the same page must not depend on memory of this one.
      this.places.set(nameOf(query, query.skip), Buffer.from(first.subarray(timeOffset)))
      this.places.set(
        nameOf(query, query.skip + keys.length),
        Buffer.from(last.subarray(timeOffset)),
      )
    }
  }
}

function nameOf({ userId, active, fromTimeMs, toTimeMs }: ListQuery, skip: number): string {
  return JSON.stringify([userId, active, fromTimeMs, toTimeMs, skip])
}

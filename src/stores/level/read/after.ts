import type { AfterQuery, ListPart } from '../../../core/store-lists.js'
import type { ByteLevel } from '../byte-level.js'
import { placeAt, rangeFrom, type TimeRange } from '../layout/keys.js'
import { type OnDamaged, readSlices } from './list.js'
import { firstKeys, mergeKeys } from './scan.js'
import { rangesOf } from './wanted.js'

/** `SessionStore.listAfter`, from one snapshot. Its sessions are not kept in memory: a walk would push out all others. */
export async function sessionsAfter(
  level: ByteLevel,
  { after, oldestFirst, limit, ...filter }: AfterQuery,
  onDamaged?: OnDamaged,
): Promise<ListPart> {
  const snapshot = level.snapshot()
  try {
    const ranges = rangesOf(filter)
    const { timeOffset } = ranges[0] as TimeRange
    let keys: Buffer[] = []
    for (const range of ranges) {
      const { gte, lt } = after === null ? range : rangeFrom(range, after, oldestFirst)
      const found = await firstKeys(level, { gte, lt, snapshot, limit, reverse: oldestFirst })
      // What is merged is sorted.
      keys = mergeKeys(keys, oldestFirst ? found.reverse() : found, timeOffset)
    }
    const nearest = (oldestFirst ? keys.reverse() : keys).slice(0, limit)
    const last = nearest[limit - 1]
    const readMany = (records: Buffer[]) => level.getMany(records, { snapshot })
    return {
      sessions: await readSlices(nearest, timeOffset, { readMany }, onDamaged),
      next: last === undefined ? null : placeAt(last, timeOffset),
    }
  } finally {
    await snapshot.close()
  }
}

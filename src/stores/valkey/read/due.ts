import type { Deadline } from '../../../core/store.js'
import type { StoreParts } from '../parts.js'
import { firstRows } from './first-rows.js'
import { deadlineIn } from './walk.js'

/** `SessionStore.due`, in these shards. */
export async function readDue(
  parts: StoreParts,
  shards: readonly number[],
  timeMs: number,
  limit: number,
): Promise<Deadline[]> {
  if (limit <= 0 || shards.length === 0) {
    return []
  }
  const sources = shards.map((shard) => ({ shard, keys: [parts.shards.keysOf(shard).deadlines] }))
  const max = timeMs === Number.POSITIVE_INFINITY ? '+inf' : `(${timeMs}`
  const { rows } = await firstRows(parts.functions, sources, { min: '-inf', max }, limit)
  return rows.map((row) => deadlineIn(parts, row.source.shard, row))
}

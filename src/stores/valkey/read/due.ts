import type { Deadline } from '../../../core/store.js'
import type { Row } from '../functions/functions.js'
import type { StoreParts } from '../parts.js'
import { firstRows, type ReadPart } from './first-rows.js'
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
  const max = timeMs === Number.POSITIVE_INFINITY ? '+inf' : `(${timeMs}`
  const deadlines = (shard: number) => parts.shards.keysOf(shard).deadlines
  // Most shards have none, so each master is asked once which of its own have.
  const found = parts.functions.cluster
    .byMaster(shards)
    .map((group) => parts.functions.which('due', group, (shard) => [deadlines(shard), max]))
  const due = (await Promise.all(found)).flat()
  const sources = due.map((shard) => ({ shard, keys: [deadlines(shard)] }))
  const read: ReadPart<Row> = ({ shard, keys }, part) => parts.functions.page(shard, keys, part)
  const { rows } = await firstRows(read, sources, { min: '-inf', max }, limit)
  return rows.map((row) => deadlineIn(parts, row.source.shard, row))
}

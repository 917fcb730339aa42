import type { AfterQuery, ListPart, ListPlace } from '../../../core/store-lists.js'
import { BEFORE_ALL, BEHIND_ALL, type Row } from '../functions/functions.js'
import type { StoreParts } from '../parts.js'
import { inOrder, type RowOf, type Source } from './first-rows.js'
import { kindsOf } from './list.js'
import { foundIn } from './lookup.js'

/** Beyond its share of the rows, each shard is asked for so many at first. */
const EXTRA_ROWS = 2

/** What was read of a shard so far. */
interface Head {
  readonly source: Source
  readonly rows: RowOf[]
  isOver: boolean
}

/**
 * `SessionStore.listAfter`. Each shard's part of the ids is of one moment. A session that a request moved before it was read is
 * left out, as if it had moved earlier.
 */
export async function sessionsAfter(parts: StoreParts, query: AfterQuery): Promise<ListPart> {
  const rows = await nearestRows(parts, query)
  const shards = [...new Set(rows.map(({ source }) => source.shard))]
  const found = await Promise.all(
    shards.map((shard) => {
      const own = rows.filter(({ source }) => source.shard === shard)
      return readPart(parts, query, shard, own)
    }),
  )
  const last = rows[query.limit - 1]
  return {
    sessions: found
      .flat()
      .sort((a, b) => directionOf(query) * inOrder(a.row, b.row))
      .map(({ session }) => session),
    next: last === undefined ? null : placeOf(last),
  }
}

async function readPart(
  parts: StoreParts,
  { userId, active }: AfterQuery,
  shard: number,
  rows: readonly Row[],
) {
  const { record } = parts.shards.keysOf(shard)
  const ids = rows.map(({ member }) => member.toString())
  const questions = ids.map((id) => ({ kind: 'record' as const, key: record(id) }))
  const records = await parts.functions.look(shard, questions)
  return rows.flatMap((row, i) => {
    const session = foundIn(parts, shard, ids[i] as string, records[i])?.session
    const isThere =
      session !== undefined &&
      session.requestTimeMs === placeOf(row).requestTimeMs &&
      (userId === undefined || session.userId === userId) &&
      (active === undefined || session.active === active)
    return isThere ? [{ row, session }] : []
  })
}

async function nearestRows(parts: StoreParts, query: AfterQuery): Promise<RowOf[]> {
  const { limit } = query
  const direction = directionOf(query)
  const heads = sourcesOf(parts, query).map((source): Head => ({ source, rows: [], isOver: false }))
  let wanted = Math.min(limit, Math.ceil(limit / heads.length) + EXTRA_ROWS)
  let behind = heads
  let rows: RowOf[] = []
  while (behind.length > 0) {
    await Promise.all(behind.map((head) => readOn(parts, query, head, wanted)))
    rows = heads.flatMap((head) => head.rows).sort((a, b) => direction * inOrder(a, b))
    const last = rows[limit - 1]
    // Of these, a row that was not read may come before the last that is wanted.
    behind = heads.filter(({ rows: own, isOver }) => {
      const reached = own.at(-1)
      return (
        !isOver &&
        (last === undefined || reached === undefined || direction * inOrder(reached, last) < 0)
      )
    })
    wanted *= 2
  }
  return rows.slice(0, limit)
}

async function readOn(
  { functions }: StoreParts,
  { after, oldestFirst, limit }: AfterQuery,
  head: Head,
  wanted: number,
): Promise<void> {
  const { shard, keys } = head.source
  const start = after === null ? (oldestFirst ? BEHIND_ALL : BEFORE_ALL) : rowAt(after)
  const from = head.rows.at(-1) ?? start
  const count = Math.min(wanted, limit)
  const rows = await functions.after(shard, keys, from, count, oldestFirst)
  head.rows.push(...rows.map((row) => ({ ...row, source: head.source })))
  head.isOver = rows.length < count
}

function rowAt({ requestTimeMs, id }: ListPlace): Row {
  return { score: 0 - requestTimeMs, member: Buffer.from(id) }
}

function placeOf({ score, member }: Row): ListPlace {
  return { requestTimeMs: 0 - score, id: member.toString() }
}

/** One for each shard that may have such sessions. */
function sourcesOf({ shards }: StoreParts, { userId, ...query }: AfterQuery): Source[] {
  const of = userId === undefined ? Array.from(shards) : [shards.ofUser(userId)]
  return of.map((shard) => {
    const keys = shards.keysOf(shard)
    const key = (active: boolean) =>
      userId === undefined ? keys.list(active) : keys.listOfUser(userId, active)
    return { shard, keys: kindsOf(query).map(key) }
  })
}

/** Scores are those of the newest first. */
function directionOf({ oldestFirst }: AfterQuery): 1 | -1 {
  return oldestFirst ? -1 : 1
}

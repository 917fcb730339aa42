import type { Functions, Part, Row } from '../functions/functions.js'

/** Sorted sets of one shard that are read as one. */
export interface Source {
  readonly shard: number
  readonly keys: readonly string[]
}

/** Scores, as the engine takes them. */
export type Bounds = Pick<Part, 'min' | 'max'>

export interface RowOf extends Row {
  readonly source: Source
}

/** Beyond its share of the rows, each source is asked for so many at first. */
const EXTRA_ROWS = 2
const MAX_ROWS = 1000

/** What was read of a source so far. */
interface Head {
  readonly source: Source
  rows: readonly RowOf[]
  total: number
}

/**
 * The first `count` rows of all sources together, in order, and how many rows they have. Asks each source for a few, and then
 * only those for more that can contribute. `signal`: aborting it ends that with its reason.
 */
export async function firstRows(
  functions: Functions,
  sources: readonly Source[],
  bounds: Bounds,
  count: number,
  signal?: AbortSignal,
): Promise<{ readonly rows: RowOf[]; readonly total: number }> {
  const share = Math.min(count, Math.ceil(count / sources.length) + EXTRA_ROWS)
  const heads = sources.map((source): Head => ({ source, rows: [], total: 0 }))
  let behind = heads
  let rows: RowOf[] = []
  for (let wanted = share; behind.length > 0; wanted *= 2) {
    signal?.throwIfAborted()
    const limit = Math.min(wanted, count, MAX_ROWS)
    await Promise.all(behind.map((head) => readOn(functions, head, bounds, limit)))
    rows = heads.flatMap((head) => head.rows).sort(inOrder)
    const last = rows[count - 1]
    // Of these, a row that was not read may come before the last that is wanted.
    behind = heads.filter(
      ({ rows: own, total }) =>
        own.length < Math.min(total, count) &&
        (last === undefined || inOrder(own.at(-1) ?? last, last) <= 0),
    )
  }
  return { rows: rows.slice(0, count), total: heads.reduce((sum, { total }) => sum + total, 0) }
}

/** By score, then by the bytes of the member. */
export function inOrder(a: Row, b: Row): number {
  return a.score - b.score || a.member.compare(b.member)
}

async function readOn(
  functions: Functions,
  head: Head,
  bounds: Bounds,
  limit: number,
): Promise<void> {
  const { source } = head
  const part = { ...bounds, offset: head.rows.length, limit }
  const { total, rows } = await functions.page(source.shard, source.keys, part)
  // Rows that moved meanwhile may come twice.
  const met = new Set(head.rows.map(({ member }) => member.toString('latin1')))
  const fresh = rows.filter(({ member }) => !met.has(member.toString('latin1')))
  head.rows = [...head.rows, ...fresh.map((row) => ({ ...row, source }))]
  head.total = rows.length === 0 ? head.rows.length : total
}

import type { Part, Row } from '../functions/functions.js'

/** Sorted sets of one shard that are read as one. */
export interface Source {
  readonly shard: number
  readonly keys: readonly string[]
}

/** Scores, as the engine takes them. */
export type Bounds = Pick<Part, 'min' | 'max'>

/** A row, and where it was read. */
export type RowOf<R extends Row = Row> = R & { readonly source: Source }

/** Rows of a source, all of one moment, and how many it has. */
export type ReadPart<R extends Row> = (
  source: Source,
  part: Part,
) => Promise<{ readonly rows: readonly R[]; readonly total: number }>

/** Beyond its share of the rows, each source is asked for so many at first. */
const EXTRA_ROWS = 2

/** What was read of a source last. */
interface Head<R extends Row> {
  readonly source: Source
  rows: readonly RowOf<R>[]
  total: number
}

/**
 * The first `count` rows of all sources together, in order, and how many rows they have. Asks each source for a few, and then
 * only those for more that can contribute: from their first row on, so that what comes of a source is of one moment. A row
 * that moves meanwhile would otherwise hide another one. `signal`: aborting it ends that with its reason.
 */
export async function firstRows<R extends Row>(
  read: ReadPart<R>,
  sources: readonly Source[],
  bounds: Bounds,
  count: number,
  signal?: AbortSignal,
): Promise<{ readonly rows: RowOf<R>[]; readonly total: number }> {
  const share = Math.min(count, Math.ceil(count / sources.length) + EXTRA_ROWS)
  const heads = sources.map((source): Head<R> => ({ source, rows: [], total: 0 }))
  let behind = heads
  let rows: RowOf<R>[] = []
  for (let wanted = share; behind.length > 0; wanted *= 2) {
    signal?.throwIfAborted()
    const part = { ...bounds, offset: 0, limit: Math.min(wanted, count) }
    await Promise.all(
      behind.map(async (head) => {
        const { source } = head
        const { rows: own, total } = await read(source, part)
        head.rows = own.map((row) => ({ ...row, source }))
        head.total = total
      }),
    )
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

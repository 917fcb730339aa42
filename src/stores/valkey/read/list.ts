import { StoreDamagedError } from '../../../core/errors.js'
import type { Session } from '../../../core/session.js'
import { Slots } from '../../../core/slots.js'
import type { ListQuery, SessionPage } from '../../../core/store.js'
import { quoted } from '../../rows/record.js'
import type { RowWithRecord } from '../functions/functions.js'
import { newestFirst } from '../layout/keys.js'
import type { StoreParts } from '../parts.js'
import { type Bounds, firstRows, inOrder, type Source } from './first-rows.js'
import { foundIn } from './lookup.js'

/** What one call of the engine reads, at most. */
const MAX_ROWS = 1000
/** Up to here a list of all merges from the first row on. Beyond, it first looks for the time at which its page begins. */
const NEAR_ROWS = 2000
/** How often a list of all begins again because sessions of its page went meanwhile. */
const MAX_ATTEMPTS = 5
/** Lists of all at a time: each asks every shard. */
const lists = new Slots(4)

/** `SessionStore.list`. */
export function listSessions(
  parts: StoreParts,
  query: ListQuery,
  signal?: AbortSignal,
): Promise<SessionPage> {
  const { userId } = query
  if (userId !== undefined) {
    return listOfUser(parts, query, userId, signal)
  }
  return lists.run(() => {
    signal?.throwIfAborted()
    return new ListOfAll(parts, query, signal).page()
  })
}

/** All of a user lies in one shard: one call of the engine is one moment. Longer pages than it gives are put together. */
async function listOfUser(
  parts: StoreParts,
  query: ListQuery,
  userId: string,
  signal?: AbortSignal,
): Promise<SessionPage> {
  const shard = parts.shards.ofUser(userId)
  const keys = parts.shards.keysOf(shard)
  const source = { shard, keys: kindsOf(query).map((active) => keys.listOfUser(userId, active)) }
  const bounds = boundsOf(query)
  const sessions: Session[] = []
  for (;;) {
    signal?.throwIfAborted()
    const offset = query.skip + sessions.length
    const limit = Math.min(query.take - sessions.length, MAX_ROWS)
    const page = await parts.functions.pageOfRecords(
      shard,
      source.keys,
      { ...bounds, offset, limit },
      keys.records,
    )
    sessions.push(...page.rows.map((row) => sessionIn(parts, query, shard, row)))
    if (page.rows.length < MAX_ROWS || sessions.length >= query.take) {
      return { sessions, total: query.total ? page.total : null }
    }
  }
}

/** Merges the lists of all shards. Each shard's part of a page is from one moment. */
class ListOfAll {
  private readonly sources: readonly Source[]
  private readonly bounds: Bounds

  constructor(
    private readonly parts: StoreParts,
    private readonly query: ListQuery,
    private readonly signal: AbortSignal | undefined,
  ) {
    this.bounds = boundsOf(query)
    this.sources = Array.from(parts.shards, (shard) => {
      const keys = parts.shards.keysOf(shard)
      return { shard, keys: kindsOf(query).map((active) => keys.list(active)) }
    })
  }

  async page(): Promise<SessionPage> {
    let page = await this.attempt()
    for (let attempts = 1; page.isShort && attempts < MAX_ATTEMPTS; attempts++) {
      page = await this.attempt()
    }
    const { sessions, total } = page
    return { sessions, total: this.query.total ? total : null }
  }

  private async attempt(): Promise<{ sessions: Session[]; total: number; isShort: boolean }> {
    const { skip, take } = this.query
    const { functions } = this.parts
    const isFar = skip > NEAR_ROWS
    const total = isFar || this.query.total ? await this.countUpTo(this.bounds.max) : 0
    const start = isFar ? await this.startOf(skip, total) : { ...this.bounds, skip }
    if (start === null) {
      return { sessions: [], total, isShort: false }
    }
    const count = start.skip + take
    const { rows } = await firstRows(functions, this.sources, start, count, this.signal)
    const wanted = rows.slice(start.skip)
    const read = await Promise.all(
      [...new Set(wanted.map(({ source }) => source))].map(async (source) => {
        const isOfSource = (row: { source: Source }) => row.source === source
        const offset = rows.slice(0, start.skip).filter(isOfSource).length
        const limit = wanted.filter(isOfSource).length
        return this.readPart(source, { min: start.min, max: start.max }, offset, limit)
      }),
    )
    const sessions = read.flat().sort((a, b) => inOrder(a.row, b.row))
    return {
      sessions: sessions.map(({ session }) => session),
      total,
      isShort: sessions.length < wanted.length,
    }
  }

  private async readPart(source: Source, bounds: Bounds, offset: number, limit: number) {
    const { functions, shards } = this.parts
    const { shard, keys } = source
    const part = { ...bounds, offset, limit }
    const { records } = shards.keysOf(shard)
    const { rows } = await functions.pageOfRecords(shard, keys, part, records)
    return rows.map((row) => ({ row, session: sessionIn(this.parts, this.query, shard, row) }))
  }

  /** Where the row with `skip` rows before it stands: a lower bound, and how many rows come before it from there on. */
  private async startOf(
    skip: number,
    total: number,
  ): Promise<(Bounds & { readonly skip: number }) | null> {
    if (skip >= total) {
      return null
    }
    const { rows } = await firstRows(
      this.parts.functions,
      this.sources,
      this.bounds,
      1,
      this.signal,
    )
    let low = rows[0]?.score ?? 0
    let high = this.bounds.max === '+inf' ? 0 : Number(this.bounds.max)
    // The least score up to which there are more rows than are skipped.
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      if ((await this.countUpTo(`${middle}`)) > skip) {
        high = middle
      } else {
        low = middle + 1
      }
    }
    const before = await this.countUpTo(`(${low}`)
    return { min: `${low}`, max: this.bounds.max, skip: Math.max(skip - before, 0) }
  }

  private async countUpTo(max: string): Promise<number> {
    this.signal?.throwIfAborted()
    const part = { min: this.bounds.min, max, offset: 0, limit: 0 }
    const pages = await Promise.all(
      this.sources.map(({ shard, keys }) => this.parts.functions.page(shard, keys, part)),
    )
    return pages.reduce((sum, { total }) => sum + total, 0)
  }
}

/** Open, ended, or both. */
export function kindsOf({ active }: Pick<ListQuery, 'active'>): boolean[] {
  return active === undefined ? [true, false] : [active]
}

function boundsOf({ fromTimeMs = 0, toTimeMs = Number.POSITIVE_INFINITY }: ListQuery): Bounds {
  return {
    min: toTimeMs === Number.POSITIVE_INFINITY ? '-inf' : `(${newestFirst(Math.ceil(toTimeMs))}`,
    max: fromTimeMs <= 0 ? '+inf' : newestFirst(Math.ceil(fromTimeMs)),
  }
}

/** Throws StoreDamagedError where the record does not stand where the list has it: both are of one moment. */
function sessionIn(
  parts: StoreParts,
  { userId, active }: ListQuery,
  shard: number,
  { member, score, record }: RowWithRecord,
): Session {
  const id = member.toString()
  const session = record && foundIn(parts, shard, id, record)?.session
  if (session === undefined) {
    throw new StoreDamagedError(`a list names session ${quoted(id)}, which has no record`)
  }
  if (
    session.requestTimeMs !== 0 - score ||
    (active !== undefined && session.active !== active) ||
    (userId !== undefined && session.userId !== userId)
  ) {
    throw new StoreDamagedError(`a list names session ${quoted(id)} where it does not stand`)
  }
  return session
}

import { StoreDamagedError } from '../../../core/errors.js'
import type { Session } from '../../../core/session.js'
import { Slots } from '../../../core/slots.js'
import type { ListQuery, SessionPage } from '../../../core/store-lists.js'
import { quoted } from '../../rows/record.js'
import type { Part, Row, RowWithRecord } from '../functions/functions.js'
import { newestFirst } from '../layout/keys.js'
import type { StoreParts } from '../parts.js'
import { type Bounds, firstRows, type ReadPart, type RowOf, type Source } from './first-rows.js'
import { foundIn } from './lookup.js'

/** What one call of the engine reads, at most. */
const MAX_ROWS = 1000
/** Up to here a list of all merges from the first row on. Beyond, it first looks for the time at which its page begins. */
const NEAR_ROWS = 2000
/** How often a list of all begins again because sessions of its page went meanwhile, before it takes more care. */
const MAX_ATTEMPTS = 2
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

/** A lower bound, and how many rows from there on come before the page. */
type Start = Bounds & { readonly skip: number }

interface Found {
  readonly sessions: Session[]
  readonly total: number
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
    const { sessions, total } = page.isShort ? await this.atOnce() : page
    return { sessions, total: this.query.total ? total : null }
  }

  /** Looks for the sessions of the page, and then reads them: records are much larger than rows. */
  private async attempt(): Promise<Found & { isShort: boolean }> {
    const { start, total } = await this.begin()
    const rows = await this.rowsFrom(start, (source, part) => this.readRows(source, part))
    const sessions: (Session | undefined)[] = new Array(rows.length)
    await Promise.all(
      [...new Set(rows.map(({ source }) => source))].map(async (source) => {
        const indexes = [...rows.keys()].filter((i) => rows[i]?.source === source)
        const found = await this.stillThere(
          source.shard,
          indexes.map((i) => rows[i] as RowOf),
        )
        for (const [i, session] of found.entries()) {
          sessions[indexes[i] as number] = session
        }
      }),
    )
    const there = sessions.filter((session) => session !== undefined)
    return { sessions: there, total, isShort: there.length < rows.length }
  }

  /** Reads records with all rows that may be of the page. Takes longer, but no session goes meanwhile. */
  private async atOnce(): Promise<Found> {
    const { functions, shards } = this.parts
    const { start, total } = await this.begin()
    const rows = await this.rowsFrom(start, ({ shard, keys }, part) =>
      functions.pageOfRecords(shard, keys, part, shards.keysOf(shard).records),
    )
    const sessions = rows.map((row) => sessionIn(this.parts, this.query, row.source.shard, row))
    return { sessions, total }
  }

  /** Where to look for the page, and how many sessions there are. */
  private async begin(): Promise<{ start: Start | null; total: number }> {
    const { skip } = this.query
    const isFar = skip > NEAR_ROWS
    const total = isFar || this.query.total ? await this.countUpTo(this.bounds.max) : 0
    return { start: isFar ? await this.startOf(skip, total) : { ...this.bounds, skip }, total }
  }

  /** `start` is null: there is no such page. */
  private async rowsFrom<R extends Row>(
    start: Start | null,
    read: ReadPart<R>,
  ): Promise<RowOf<R>[]> {
    if (start === null) {
      return []
    }
    const { skip, ...bounds } = start
    const count = skip + this.query.take
    const { rows } = await firstRows(read, this.sources, bounds, count, this.signal)
    return rows.slice(skip)
  }

  /** The sessions of these rows; undefined for those that do not stand there any more. */
  private async stillThere(shard: number, rows: readonly Row[]): Promise<(Session | undefined)[]> {
    const { functions, shards } = this.parts
    const keys = shards.keysOf(shard)
    const ids = rows.map(({ member }) => member.toString())
    const records = await functions.look(
      shard,
      ids.map((id) => ({ kind: 'record', key: keys.record(id) })),
    )
    return ids.map((id, i) => {
      const session = foundIn(this.parts, shard, id, records[i])?.session
      const isThere = session !== undefined && standsAt(this.query, rows[i] as Row, session)
      return isThere ? session : undefined
    })
  }

  private readRows({ shard, keys }: Source, part: Part) {
    return this.parts.functions.page(shard, keys, part)
  }

  /** Where the row with `skip` rows before it stands: a lower bound, and how many rows come before it from there on. */
  private async startOf(skip: number, total: number): Promise<Start | null> {
    if (skip >= total) {
      return null
    }
    const { rows } = await firstRows<Row>(
      (source, part) => this.readRows(source, part),
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
  query: ListQuery,
  shard: number,
  row: RowWithRecord,
): Session {
  const { member, record } = row
  const id = member.toString()
  const session = record && foundIn(parts, shard, id, record)?.session
  if (session === undefined) {
    throw new StoreDamagedError(`a list names session ${quoted(id)}, which has no record`)
  }
  if (!standsAt(query, row, session)) {
    throw new StoreDamagedError(`a list names session ${quoted(id)} where it does not stand`)
  }
  return session
}

/** Whether this is where a list has the session. */
function standsAt({ userId, active }: ListQuery, { score }: Row, session: Session): boolean {
  return (
    session.requestTimeMs === 0 - score &&
    (active === undefined || session.active === active) &&
    (userId === undefined || session.userId === userId)
  )
}

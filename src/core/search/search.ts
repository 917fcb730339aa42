import type { Expiry } from '../endings/expiry.js'
import type { Session } from '../session.js'
import { Slots } from '../slots.js'
import type { SessionStore } from '../store.js'
import { type SearchFilter, type SearchQuery, searchQuery } from './query.js'
import { SearchWalk, type WalkPlace } from './walk.js'

/** The most sessions of a page. */
export const MAX_FOUND = 100
/** How many sessions one call looks at. */
const MAX_LOOKS = 1_500
/** How many are read at once. Other work runs in between. */
const STEP = 500
/** Up to here a user's sessions are counted. */
const MAX_COUNTED = 1_000

export interface SearchArguments {
  readonly filter: SearchFilter
  /** By last request, which every store keeps in order; or, within so many sessions as one call looks at, by when they began or ended. */
  readonly sort: 'request' | 'opened' | 'ended'
  readonly oldestFirst: boolean
  /** At most MAX_FOUND. */
  readonly limit: number
  /** `next` of an earlier page of the same search. */
  readonly cursor?: SearchCursor
}

/** Where a search goes on. */
export interface SearchCursor {
  readonly walk: WalkPlace
  /** Sorted otherwise than by last request: up to where the walk goes, and the last session of the page among what it reads. */
  readonly sorted?: { readonly until: WalkPlace; readonly behind: SortPlace }
}

interface SortPlace {
  /** null: still open, where that is sorted by its end. */
  readonly timeMs: number | null
  readonly id: string
}

export interface FoundPage {
  readonly sessions: readonly Session[]
  /** null: nothing else matches. */
  readonly next: SearchCursor | null
  /** It looked at as many as it may, and not at all. */
  readonly hasStopped: boolean
  readonly lookedAt: number
  /** The last request up to which it has looked at all that could match; null before and after the walk through them. */
  readonly reachedAtMs: number | null
  /** How many match in all; null where counting would take long. */
  readonly total: number | null
}

export interface SearchPorts {
  readonly store: Pick<SessionStore, 'get' | 'list' | 'listAfter' | 'countOpen'>
  readonly expiry: Pick<Expiry, 'sweep' | 'rules'>
  readonly clock: { nowMs(): number }
  /** How far the clocks of servers that share the store may be apart (default 0: there is one server). */
  readonly clockMarginMs?: number
}

/** An operator's search over all sessions, open and ended. A call does a bounded amount of work, and says where it stopped. */
export class SessionSearch {
  /** So that operators together slow others down no more than one does. */
  private readonly turn = new Slots(1)

  constructor(
    private readonly ports: SearchPorts,
    private readonly maxLooks = MAX_LOOKS,
  ) {}

  /** Throws InvalidFieldError, and the signal's reason. */
  page(args: SearchArguments, signal?: AbortSignal): Promise<FoundPage> {
    const query = searchQuery(args.filter)
    return this.turn.run(async () => {
      signal?.throwIfAborted()
      const { store, expiry, clock, clockMarginMs = 0 } = this.ports
      await expiry.sweep.step()
      const start = { sinceMs: clock.nowMs() - clockMarginMs, phase: 0, after: null }
      const { walk: from = start, sorted: among } = args.cursor ?? {}
      const walk = new SearchWalk(store, query, args.oldestFirst, from, among?.until)
      const beganAtMs = from.sinceMs + clockMarginMs
      const looking = new Looking(walk, query, {
        beganAtMs,
        maxLooks: this.maxLooks,
        asOfNow: (session) => expiry.rules.asOfNow(session),
        signal,
      })
      const page =
        args.sort === 'request'
          ? await looking.firstFound(args.limit)
          : await looking.sorted(args.sort, args)
      const { lookedAt } = looking
      const { walk: place = walk.place, sorted } = page.next ?? {}
      const reachedAtMs = walk.reachedAtMs(sorted?.until ?? place)
      const isAll = args.cursor === undefined && page.next === null
      const total = isAll ? page.sessions.length : await this.totalOf(query, args)
      return { ...page, lookedAt, reachedAtMs, total }
    })
  }

  private async totalOf(
    { filter, userIds }: SearchQuery,
    { cursor }: SearchArguments,
  ): Promise<number | null> {
    const { user, active, ...others } = filter
    const isOther = Object.values(others).some((condition) => condition !== undefined)
    if (isOther || cursor !== undefined) {
      return null
    }
    if (userIds === undefined) {
      return active === true ? this.ports.store.countOpen() : null
    }
    let total = 0
    for (const userId of userIds) {
      const query = { userId, ...(active !== undefined && { active }) }
      const beyond = { ...query, skip: MAX_COUNTED - 1, take: 1, total: false }
      if ((await this.ports.store.list(beyond)).sessions.length > 0) {
        return null
      }
      total += (await this.ports.store.list({ ...query, skip: 0, take: 0, total: true })).total ?? 0
    }
    return total
  }
}

type Page = Pick<FoundPage, 'sessions' | 'next' | 'hasStopped'>

/** One call: looks at the sessions of a walk until it has enough, or has looked at as many as it may. */
class Looking {
  lookedAt = 0
  /** A session may come twice. */
  private readonly found = new Map<string, Session>()

  constructor(
    private readonly walk: SearchWalk,
    private readonly query: SearchQuery,
    private readonly options: {
      readonly beganAtMs: number
      readonly maxLooks: number
      readonly asOfNow: (session: Session) => Session
      readonly signal: AbortSignal | undefined
    },
  ) {}

  /** The first `limit` sessions, in the order of the walk. */
  async firstFound(limit: number): Promise<Page> {
    const last = await this.look(limit)
    const sessions = [...this.found.values()]
    if (last !== null) {
      return { sessions, next: { walk: last }, hasStopped: false }
    }
    const { isOver, place } = this.walk
    return { sessions, next: isOver ? null : { walk: place }, hasStopped: !isOver }
  }

  /** Those that match among as many as one call may look at, in another order. */
  async sorted(
    sort: 'opened' | 'ended',
    { oldestFirst, limit, cursor }: Omit<SearchArguments, 'filter' | 'sort'>,
  ): Promise<Page> {
    const { place: from } = this.walk
    await this.look(Number.POSITIVE_INFINITY)
    const placeOf = ({ id, openTimeMs, closeTimeMs }: Session): SortPlace => ({
      timeMs: sort === 'opened' ? openTimeMs : this.endedAtMs(closeTimeMs),
      id,
    })
    const order = (a: SortPlace, b: SortPlace) => inOrder(a, b, oldestFirst)
    const { place: until, isOver } = this.walk
    const { behind } = cursor?.sorted ?? {}
    const left = [...this.found.values()]
      .filter((session) => behind === undefined || order(placeOf(session), behind) > 0)
      .sort((a, b) => order(placeOf(a), placeOf(b)))
    const sessions = left.slice(0, limit)
    const last = sessions.at(-1)
    if (left.length > limit && last !== undefined) {
      const sorted = { until, behind: placeOf(last) }
      return { sessions, next: { walk: from, sorted }, hasStopped: false }
    }
    return { sessions, next: isOver ? null : { walk: until }, hasStopped: !isOver }
  }

  /** A session that ends during the search stays where it was in the order. */
  private endedAtMs(closeTimeMs: number | null): number | null {
    return closeTimeMs !== null && closeTimeMs < this.options.beganAtMs ? closeTimeMs : null
  }

  /** Where it has found `limit`; null if it found fewer. */
  private async look(limit: number): Promise<WalkPlace | null> {
    const { maxLooks, asOfNow, signal } = this.options
    // The first may suffice.
    for (let step = limit; !this.walk.hasEnded && this.lookedAt < maxLooks; step = STEP) {
      signal?.throwIfAborted()
      const { place } = this.walk
      for (const stored of await this.walk.next(Math.min(step, STEP, maxLooks - this.lookedAt))) {
        this.lookedAt++
        const session = asOfNow(stored)
        if (this.query.matches(session)) {
          this.found.set(session.id, session)
          if (this.found.size === limit) {
            return this.walk.behind(stored, place)
          }
        }
      }
    }
    return null
  }
}

/** Newest first, or oldest first. Open sessions have no end yet, and come last either way. */
function inOrder(a: SortPlace, b: SortPlace, oldestFirst: boolean): number {
  if (a.timeMs === b.timeMs) {
    return a.id < b.id ? -1 : a.id > b.id ? 1 : 0
  }
  if (a.timeMs === null || b.timeMs === null) {
    return a.timeMs === null ? 1 : -1
  }
  return oldestFirst ? a.timeMs - b.timeMs : b.timeMs - a.timeMs
}

import type { Session } from '../session.js'
import type { SessionStore } from '../store.js'
import type { ListPart, ListPlace } from '../store-lists.js'
import type { SearchQuery } from './query.js'

/** Where a walk is. */
export interface WalkPlace {
  /** When it began: a session with a later request may have moved past it. */
  readonly sinceMs: number
  readonly phase: number
  /** null: at the beginning of the phase. */
  readonly after: ListPlace | null
}

type Order = (a: ListPlace, b: ListPlace) => number

/** Part of a walk: sessions that are read from one place on. */
interface Phase {
  readonly kind: 'named' | 'all' | 'moved'
  readonly order: Order
  read(after: ListPlace | null, limit: number): Promise<ListPart>
  /** Whether an earlier phase showed this session. */
  wasShown(session: Session): boolean
}

/**
 * Walks all sessions that a search may find, by their last request: first those that its text names in full, which need no
 * walk; then all; then, if the newest came first, those that a request moved to the front meanwhile, so that none is missed.
 * These may come twice.
 */
export class SearchWalk {
  private readonly phases: readonly Phase[]

  constructor(
    private readonly store: Pick<SessionStore, 'get' | 'listAfter'>,
    query: SearchQuery,
    oldestFirst: boolean,
    private at: WalkPlace,
    /** Where it ends, though there may be more (default: it goes on). */
    private readonly until?: WalkPlace,
  ) {
    this.phases = this.phasesOf(query, oldestFirst)
  }

  get place(): WalkPlace {
    return this.at
  }

  /** Whether there are no more. */
  get isOver(): boolean {
    return this.at.phase >= this.phases.length
  }

  /** Whether it goes no further. */
  get hasEnded(): boolean {
    return this.isOver || this.hasReached(this.until)
  }

  /** The last request up to which all was read at this place; null before and after the walk through all. */
  reachedAtMs({ phase, after }: WalkPlace): number | null {
    return this.phases[phase]?.kind === 'all' && after !== null ? after.requestTimeMs : null
  }

  /** The next sessions, about `limit`: without those that were shown before. */
  async next(limit: number): Promise<readonly Session[]> {
    const phase = this.phases[this.at.phase]
    if (phase === undefined) {
      return []
    }
    const { sessions, next } = await phase.read(this.at.after, limit)
    this.at =
      next === null
        ? { ...this.at, phase: this.at.phase + 1, after: null }
        : { ...this.at, after: next }
    const { until } = this
    const isBeyond = (session: Session) =>
      until?.after != null &&
      this.phases[until.phase] === phase &&
      phase.order(session, until.after) > 0
    if (until !== undefined && this.hasReached(until)) {
      this.at = until
    }
    return sessions.filter((session) => !phase.wasShown(session) && !isBeyond(session))
  }

  /** Where to go on behind one session of those that were read from `place` on. */
  behind({ requestTimeMs, id }: Session, place: WalkPlace): WalkPlace {
    return { ...place, after: { requestTimeMs, id } }
  }

  private hasReached(place: WalkPlace | undefined): boolean {
    const { at } = this
    const phase = this.phases[at.phase]
    if (place === undefined || phase === undefined || at.phase !== place.phase) {
      return place !== undefined && at.phase >= place.phase
    }
    return place.after === null || (at.after !== null && phase.order(at.after, place.after) >= 0)
  }

  private phasesOf(query: SearchQuery, oldestFirst: boolean): Phase[] {
    const { filter, userIds, namedIds } = query
    const { text } = filter
    const isOfId = ({ id }: Session) => id === text
    const isNamed = (session: Session) => isOfId(session) || namedIds.includes(session.userId)
    const movedFrom = { requestTimeMs: this.at.sinceMs - 1, id: '' }
    const never = () => false
    return [
      ...(text === undefined ? [] : [this.ofId(text)]),
      ...(namedIds.length === 0
        ? []
        : [this.ofUsers('named', query, namedIds, oldestFirst, isOfId)]),
      this.ofUsers('all', query, userIds ?? [undefined], oldestFirst, isNamed),
      ...(oldestFirst
        ? []
        : [this.ofUsers('moved', query, userIds ?? [undefined], true, never, movedFrom)]),
    ]
  }

  private ofId(id: string): Phase {
    return {
      kind: 'named',
      order: compare,
      read: async (after) => {
        const session = after === null ? await this.store.get(id) : undefined
        return { sessions: session === undefined ? [] : [session], next: null }
      },
      wasShown: () => false,
    }
  }

  private ofUsers(
    kind: Phase['kind'],
    { filter: { active } }: SearchQuery,
    userIds: readonly (string | undefined)[],
    oldestFirst: boolean,
    wasShown: Phase['wasShown'],
    from: ListPlace | null = null,
  ): Phase {
    const order: Order = oldestFirst ? (a, b) => compare(b, a) : compare
    return {
      kind,
      order,
      read: async (after, limit) => {
        const parts = await Promise.all(
          userIds.map((userId) =>
            this.store.listAfter({
              ...(userId !== undefined && { userId }),
              ...(active !== undefined && { active }),
              ...{ after: after ?? from, oldestFirst, limit },
            }),
          ),
        )
        return merged(parts, order)
      },
      wasShown,
    }
  }
}

/** Parts behind one place, as one part: up to where all of them were read. */
function merged(parts: readonly ListPart[], order: Order): ListPart {
  const [first, second] = parts
  if (first === undefined || second === undefined) {
    return first ?? { sessions: [], next: null }
  }
  const next = parts.flatMap((part) => part.next ?? []).sort(order)[0] ?? null
  const sessions = parts
    .flatMap((part) => part.sessions)
    .filter((session) => next === null || order(session, next) <= 0)
  return { sessions: sessions.sort(order), next }
}

const utf8 = new TextEncoder()

/** The order of lists: newest request first, then by the bytes of the id. */
function compare(a: ListPlace, b: ListPlace): number {
  if (a.requestTimeMs !== b.requestTimeMs) {
    return b.requestTimeMs - a.requestTimeMs
  }
  const [one, other] = [utf8.encode(a.id), utf8.encode(b.id)]
  const at = one.findIndex((byte, i) => byte !== other[i])
  return at < 0 ? one.length - other.length : (one[at] as number) - (other[at] ?? -1)
}

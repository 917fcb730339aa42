import { LRUCache } from 'lru-cache'
import type { SessionChange } from '../../../core/events.js'
import type { Session } from '../../../core/session.js'
import type { ListQuery } from '../../../core/store-lists.js'
import { TIME_BYTES } from '../../rows/key-writer.js'
import type { ByteLevel, Snapshot } from '../byte-level.js'
import { type KeyRange, requestTimeAt } from '../layout/keys.js'
import { firstKeys, mergeKeys } from './scan.js'
import type { Wanted } from './wanted.js'

const MAX_PLACES = 1000
/** Looking through so many takes less time than reading a page of keys. */
const MAX_MOVES = 1000

/** A key that a list met. */
interface Place {
  /** What stands in the key from its time on. */
  readonly rest: Buffer
  readonly timeMs: number
  /** How many sessions of the list came before it, after this commit. */
  readonly passed: number
  readonly commit: number
}

/** A session that a commit moved in its lists. */
interface Move {
  readonly commit: number
  readonly userId: string
  readonly id: string
  readonly from: Spot | null
  readonly to: Spot | null
}

type Spot = Pick<Session, 'active' | 'requestTimeMs'>

/**
 * Where pages of short lists began lately, and which sessions moved since. So a page is found again without reading what
 * comes before it: it is read from its place on, backwards if more sessions come before that now, forwards if fewer do.
 */
export class Places {
  /** By list and `skip`. */
  private readonly places = new LRUCache<string, Place>({ max: MAX_PLACES })
  /** All moves of the commits after `movesAfter`, in order. */
  private moves: Move[] = []
  private movesAfter = 0
  private latestPlaceAt = 0

  /** Call it before each commit. Nothing is noted while there is no place. */
  committing(changes: readonly SessionChange[], commit: number): void {
    if (this.latestPlaceAt < this.movesAfter || this.places.size === 0) {
      this.moves = []
      this.movesAfter = commit
      return
    }
    for (const { before, after } of changes) {
      const from = before && spotOf(before)
      const to = after && spotOf(after)
      if (from?.requestTimeMs !== to?.requestTimeMs || from?.active !== to?.active) {
        const { userId, id } = (after ?? before) as Session
        this.moves.push({ commit, userId, id, from, to })
      }
    }
    const excess = this.moves.splice(0, this.moves.length - MAX_MOVES)
    this.movesAfter = excess.at(-1)?.commit ?? this.movesAfter
  }

  /** The database was reopened, and nobody knows which commit reached it. */
  reset(): void {
    this.places.clear()
    // The number of a commit that failed is used again.
    this.moves = []
  }

  /** The keys of a page in a snapshot of this commit; undefined if no place near it is known. */
  async keysOf(
    level: ByteLevel,
    snapshot: Snapshot,
    { query, ranges, timeOffset }: Wanted,
    commit: number,
  ): Promise<Buffer[] | undefined> {
    const { skip, take } = query
    const place = skip > 0 ? this.places.get(nameOf(query, skip)) : undefined
    const passed = place && this.passedNow(place, query, commit)
    if (place === undefined || passed === undefined || passed > 2 * skip) {
      return undefined // Or it would read more keys backwards than there are from the beginning.
    }
    const keysAt = ranges.map(({ gte }) => Buffer.concat([gte.subarray(0, timeOffset), place.rest]))
    const before = ranges.map(({ gte }, i): KeyRange => ({ gte, lt: keysAt[i] as Buffer }))
    const after = ranges.map(({ lt }, i): KeyRange => ({ gte: keysAt[i] as Buffer, lt }))
    const read = async (parts: readonly KeyRange[], limit: number, reverse: boolean) => {
      const found = await Promise.all(
        (limit > 0 ? parts : []).map((range) =>
          firstKeys(level, { ...range, snapshot, limit, reverse }),
        ),
      )
      const sorted = reverse ? found.map((keys) => keys.reverse()) : found
      const keys = sorted.reduce((one, other) => mergeKeys(one, other, timeOffset), [])
      return reverse ? keys.slice(-limit) : keys.slice(0, limit)
    }
    const back = passed > skip ? await read(before, passed - skip, true) : []
    const keys = back.concat(await read(after, skip + take - passed, false))
    const offset = Math.max(skip - passed, 0)
    return keys.slice(offset, offset + take)
  }

  /** Remembers where this page of a snapshot of this commit begins, and where the next one does. */
  remember({ query, keys, timeOffset }: Wanted, commit: number): void {
    const { skip } = query
    const keep = (key: Buffer, passed: number, skipped: number) => {
      // A copy: the next list of the same page must not depend on memory of this one.
      const rest = Buffer.from(key.subarray(timeOffset))
      const place = { rest, timeMs: requestTimeAt(key, timeOffset), passed, commit }
      this.places.set(nameOf(query, skipped), place)
      this.latestPlaceAt = Math.max(this.latestPlaceAt, commit)
    }
    const [first, last] = [keys[0], keys.at(-1)]
    if (first !== undefined && last !== undefined) {
      keep(first, skip, skip)
      keep(last, skip + keys.length - 1, skip + keys.length)
    }
  }

  /** How many sessions of the list come before the place as of a commit; undefined if that is not known. */
  private passedNow(place: Place, query: ListQuery, commit: number): number | undefined {
    if (place.commit < this.movesAfter || place.commit > commit) {
      return undefined
    }
    let passed = place.passed
    for (let i = this.moves.length - 1; i >= 0; i--) {
      const move = this.moves[i] as Move
      if (move.commit <= place.commit) {
        break
      }
      if (move.commit <= commit) {
        passed += Number(isBefore(move, move.to, place, query))
        passed -= Number(isBefore(move, move.from, place, query))
      }
    }
    return passed
  }
}

function spotOf({ active, requestTimeMs }: Session): Spot {
  return { active, requestTimeMs }
}

/** Whether a session in this spot is in the list, and before the place. */
function isBefore(
  { userId, id }: Move,
  spot: Spot | null,
  { rest, timeMs }: Place,
  { userId: ofUser, active, fromTimeMs = 0, toTimeMs = Number.POSITIVE_INFINITY }: ListQuery,
): boolean {
  if (
    spot === null ||
    (ofUser !== undefined && userId !== ofUser) ||
    (active !== undefined && spot.active !== active) ||
    spot.requestTimeMs < fromTimeMs ||
    spot.requestTimeMs >= toTimeMs
  ) {
    return false
  }
  return spot.requestTimeMs === timeMs
    ? Buffer.from(id).compare(rest, TIME_BYTES) < 0
    : spot.requestTimeMs > timeMs
}

function nameOf({ userId, active, fromTimeMs, toTimeMs }: ListQuery, skip: number): string {
  return JSON.stringify([userId, active, fromTimeMs, toTimeMs, skip])
}

import { StoreDamagedError } from '../../../core/errors.js'
import { entriesFrom, eventOf, newestPlace, placeOf } from '../events/stream.js'
import type { ReadParts } from '../functions/functions.js'

/** What one read asks for. Fewer than a stream keeps, so what was cut off is noticed. */
const MAX_EVENTS = 900

/** Tells which sessions of a shard changed, by its stream. */
export class EventCursor {
  private constructor(
    private readonly store: ReadParts,
    private readonly shard: number,
    /** The last entry that was read; null: there was none. */
    private last: string | null,
  ) {}

  /** What changes from now on. */
  static async atEnd(store: ReadParts, shard: number): Promise<EventCursor> {
    return new EventCursor(store, shard, await newestPlace(store, shard))
  }

  /** The ids of what changed since the last call; undefined: the stream no longer has all of it. */
  async next(): Promise<ReadonlySet<string> | undefined> {
    const { last } = this
    const entries = await entriesFrom(this.store, this.shard, last, MAX_EVENTS)
    const isWhole = last === null || (entries.length > 0 && placeOf(entries[0]) === last)
    if (!isWhole || entries.length === MAX_EVENTS) {
      return undefined
    }
    this.last = entries.length === 0 ? null : placeOf(entries.at(-1))
    return new Set(entries.slice(last === null ? 0 : 1).flatMap(idsIn))
  }
}

/** None for an entry that no server wrote: it says nothing of a session. */
function idsIn(entry: Parameters<typeof eventOf>[0]): string[] {
  try {
    return [eventOf(entry).id]
  } catch (error) {
    if (error instanceof StoreDamagedError) {
      return []
    }
    throw error
  }
}

import type { Session } from '../core/session.js'
import { listingOf } from './listing.js'
import { Message } from './message.js'
import type { ListedSession } from './protocol.js'

/** How many of the oldest are found at once: finding them looks at everything. */
const OLDEST_AT_ONCE = 1000

/** A session that is listed. */
export interface Entry {
  readonly listing: ListedSession
  readonly add: Message
  /** Its place in the order in which entries came: 1, 2, … */
  readonly seq: number
  requestTimeMs: number
}

interface OldEntry {
  readonly id: string
  readonly requestTimeMs: number
}

/** The listed sessions by their ids, in the order in which they came. */
export class Window {
  private readonly entries = new Map<string, Entry>()
  private lastSeq = 0
  /** Some of the entries, the oldest last; none that is left out is older. May be out of date. */
  private someOldest: OldEntry[] = []

  get size(): number {
    return this.entries.size
  }

  get(id: string): Entry | undefined {
    return this.entries.get(id)
  }

  has(id: string): boolean {
    return this.entries.has(id)
  }

  /** Goes on over what is added while it is walked, and skips what is removed. */
  values(): IterableIterator<Entry> {
    return this.entries.values()
  }

  add(session: Session, listing = listingOf(session)): Entry {
    const add = new Message({ command: 'add', session: listing })
    const entry = { listing, add, seq: ++this.lastSeq, requestTimeMs: session.requestTimeMs }
    this.entries.set(session.id, entry)
    const [newest] = this.someOldest
    if (newest !== undefined && session.requestTimeMs < newest.requestTimeMs) {
      this.someOldest = []
    }
    return entry
  }

  /** Puts another listing in the place of one of the same id. */
  replace(session: Session, entry: Entry, listing: ListedSession): void {
    const add = new Message({ command: 'add', session: listing })
    const { requestTimeMs } = session
    this.entries.set(session.id, { listing, add, seq: entry.seq, requestTimeMs })
  }

  remove(id: string): Entry | undefined {
    const entry = this.entries.get(id)
    this.entries.delete(id)
    return entry
  }

  /** The entry with the oldest last request. */
  oldest(): OldEntry | undefined {
    for (;;) {
      const last = this.someOldest.at(-1)
      // A request since then may have moved it, or it is gone.
      if (last !== undefined && this.entries.get(last.id)?.requestTimeMs === last.requestTimeMs) {
        return last
      }
      if (last !== undefined) {
        this.someOldest.pop()
      } else if (this.size > 0) {
        this.someOldest = this.findOldest()
      } else {
        return undefined
      }
    }
  }

  private findOldest(): OldEntry[] {
    return Array.from(this.entries, ([id, { requestTimeMs }]) => ({ id, requestTimeMs }))
      .sort((a, b) => a.requestTimeMs - b.requestTimeMs)
      .slice(0, OLDEST_AT_ONCE)
      .reverse()
  }
}

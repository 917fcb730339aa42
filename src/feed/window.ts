import type { Session } from '../core/session.js'
import { Message } from './message.js'
import { Oldest } from './oldest.js'
import type { ListedSession } from './protocol/messages.js'

/** A listed session. */
export interface Entry {
  readonly listing: ListedSession
  readonly add: Message
  /** Its number in the order of arrival: 1, 2, … */
  readonly seq: number
  readonly requestTimeMs: number
}

/** The listed sessions by id, in the order of arrival. */
export class Window {
  private readonly entries = new Map<string, Entry>()
  private lastSeq = 0
  private readonly byAge = new Oldest((id) => this.entries.get(id)?.requestTimeMs, this.entries)

  get size(): number {
    return this.entries.size
  }

  get(id: string): Entry | undefined {
    return this.entries.get(id)
  }

  has(id: string): boolean {
    return this.entries.has(id)
  }

  ids(): string[] {
    return [...this.entries.keys()]
  }

  /** Includes entries that are added during the iteration, and skips those that are removed. */
  values(): IterableIterator<Entry> {
    return this.entries.values()
  }

  add({ id, requestTimeMs }: Session, listing: ListedSession): Entry {
    const add = new Message({ command: 'add', session: listing })
    const entry = { listing, add, seq: ++this.lastSeq, requestTimeMs }
    this.entries.set(id, entry)
    this.byAge.add(id, requestTimeMs)
    return entry
  }

  /** Updates the time of the last request, and the listing if one is given. */
  replace({ id, requestTimeMs }: Session, entry: Entry, listing = entry.listing): void {
    const add =
      listing === entry.listing ? entry.add : new Message({ command: 'add', session: listing })
    this.entries.set(id, { listing, add, seq: entry.seq, requestTimeMs })
    if (requestTimeMs < entry.requestTimeMs) {
      this.byAge.add(id, requestTimeMs)
    }
  }

  remove(id: string): Entry | undefined {
    const entry = this.entries.get(id)
    this.entries.delete(id)
    return entry
  }

  /** The entry with the oldest last request. */
  oldest(): { readonly id: string; readonly timeMs: number } | undefined {
    return this.byAge.first()
  }
}

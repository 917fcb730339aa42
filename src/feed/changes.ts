import type { SessionChange } from '../core/events.js'

/** At most this many times the size of the list may wait. */
const MAX_WAITING = 3

interface Options {
  /** How many sessions the list has at most. */
  readonly maxSessions: number
  readonly isListed: (id: string) => boolean
  /** Called if the change of an unlisted session is dropped. `timeMs`: its last request; -Infinity: it ended. */
  readonly onForgotten: (id: string, timeMs: number) => void
}

/**
 * Committed changes that wait to be applied to the list, in order. If there are too many, those of new sessions are
 * dropped that newer ones would hide before any viewer sees them.
 */
export class Changes {
  private readonly byId = new Map<string, SessionChange>()

  constructor(private readonly options: Options) {}

  get size(): number {
    return this.byId.size
  }

  add(id: string, { before, after }: SessionChange): void {
    // Of several changes only the last one counts. The listed state may be from between them.
    const isFirst = this.options.isListed(id) && !this.byId.has(id)
    this.byId.set(id, { before: isFirst ? before : null, after: after?.active ? after : null })
    if (this.byId.size > MAX_WAITING * this.options.maxSessions) {
      this.forgetHidden()
    }
  }

  has(id: string): boolean {
    return this.byId.has(id)
  }

  delete(id: string): void {
    this.byId.delete(id)
  }

  clear(): void {
    this.byId.clear()
  }

  /** Takes out one change after the other. */
  *taken(): Generator<[id: string, change: SessionChange], void> {
    for (const entry of this.byId) {
      this.byId.delete(entry[0])
      yield entry
    }
  }

  /** Of the sessions that are not listed yet, only the newest can become listed. */
  private forgetHidden(): void {
    const { maxSessions, isListed, onForgotten } = this.options
    const timed = [...this.byId.entries()]
      .filter(([id]) => !isListed(id))
      .map(([id, { after }]) => ({ id, timeMs: after?.requestTimeMs ?? Number.NEGATIVE_INFINITY }))
      .sort((one, other) => other.timeMs - one.timeMs || 0)
    for (const { id, timeMs } of timed.slice(maxSessions)) {
      this.byId.delete(id)
      onForgotten(id, timeMs)
    }
  }
}

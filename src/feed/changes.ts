import type { SessionChange } from '../core/events.js'

/** Changes wait for at most so many times as many sessions as are listed. */
const MAX_WAITING = 3

interface Options {
  /** How many sessions are listed. */
  readonly maxSessions: number
  readonly isListed: (id: string) => boolean
  /** A session is forgotten that is not listed yet: its last request; -Infinity where it ended. */
  readonly onForgotten: (id: string, timeMs: number) => void
}

/**
 * What was committed and is yet to be applied to the list, in order. Where more is committed than viewers can
 * be told, new sessions that others will have hidden before anyone sees them are forgotten.
 */
export class Changes {
  private readonly byId = new Map<string, SessionChange>()

  constructor(private readonly options: Options) {}

  get size(): number {
    return this.byId.size
  }

  add(id: string, { before, after }: SessionChange): void {
    // Of several only the last says how the session is; what is listed may be from between them.
    const isFirst = this.options.isListed(id) && !this.byId.has(id)
    this.byId.set(id, { before: isFirst ? before : null, after: after?.active ? after : null })
    if (this.byId.size > MAX_WAITING * this.options.maxSessions) {
      this.forgetHidden()
    }
  }

  delete(id: string): void {
    this.byId.delete(id)
  }

  /** Each of them, which then waits no more. */
  *taken(): Generator<[id: string, change: SessionChange], void> {
    for (const entry of this.byId) {
      this.byId.delete(entry[0])
      yield entry
    }
  }

  /** Of the sessions that are not listed yet, only the newest can be. */
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

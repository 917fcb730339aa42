import type { SessionChange } from '../core/events.js'
import type { Session } from '../core/session.js'
import type { SessionStore } from '../core/store.js'
import { Changes } from './changes.js'
import { difference } from './difference.js'
import { type Follower, Followers } from './follower.js'
import { isListedAlike, listingOf } from './listing.js'
import { Message } from './message.js'
import { Pacer, type Sender } from './pacer.js'
import { type Entry, Window } from './window.js'

const PAGE = 100
const REFILL_DELAY_MS = 1000

export interface FeedHubOptions {
  /** How many sessions are listed: those with the newest requests. */
  readonly maxSessions: number
  /** Told when the store could not be read, which is tried again, or when a viewer was not served. */
  readonly onError: (error: unknown) => void
  /** Calls `run` after a time unless what it returns is called before (default: a timer). */
  readonly after?: (delayMs: number, run: () => void) => () => void
  /** Default: a monotonic clock. */
  readonly nowMs?: () => number
}

/**
 * The list of open sessions, kept in step with the store, and everyone who follows it.
 *
 * Every committed change comes as an event, in commit order, while its answer waits: it is only noted.
 * A little later it is applied to what is listed, together with what else happened to the session since. What
 * viewers are told is the difference from what they were told before, so an event that says nothing
 * new says nothing to them. Reading pages of the store beside that misses nothing and repeats nothing:
 *
 * - `floorMs` says how much is known: every open session with a later request is listed. A walk
 *   lowers it page by page, each page from one snapshot. It goes by time and not by number, so
 *   sessions that move to the top or end meanwhile shift nothing. A session only ever moves up, out
 *   of what is still to be walked, and the event of that lists it.
 * - A snapshot may be older than an event that was applied while the page was read. So what had one
 *   since the page was asked for is not taken from the page.
 * - It may also be newer than the last event applied. What is taken then will have its event applied
 *   again, without a difference or followed by the event that makes one.
 */
export class FeedHub {
  private readonly window = new Window()
  private readonly followers = new Followers()
  private readonly pacer: Pacer
  private readonly changes: Changes
  /** Every open session with a later request is listed. */
  private floorMs = Number.POSITIVE_INFINITY
  /** The latest request of the sessions that were forgotten unapplied since the list was last trimmed. */
  private forgottenMs = Number.NEGATIVE_INFINITY
  /** While a page is read: which sessions had an event since it was asked for. */
  private touched: Set<string> | null = null
  private isLoaded = false
  private isClosed = false
  private cancelRefill: (() => void) | null = null
  private unsubscribe = () => {}

  constructor(
    private readonly store: SessionStore,
    private readonly options: FeedHubOptions,
  ) {
    const { after = timer, onError, nowMs, maxSessions } = options
    this.changes = new Changes({
      maxSessions,
      isListed: (id) => this.window.has(id),
      onForgotten: (id, timeMs) => {
        this.touched?.add(id)
        this.forgottenMs = Math.max(this.forgottenMs, timeMs)
      },
    })
    const change = (isOver: () => boolean) => this.applyChanges(isOver)
    this.pacer = new Pacer({ after, onError, change, ...(nowMs && { nowMs }) })
  }

  /** Reads what is open, and follows it from then on. To be called once. */
  async load(): Promise<void> {
    this.unsubscribe = this.store.subscribe((change) => this.note(change))
    await this.fill()
    this.isLoaded = true
    if (this.hidesSome) {
      this.followers.tell(this.tooMany(), 0)
      this.followers.offerTold()
      this.fillLater()
    }
  }

  get size(): number {
    return this.window.size
  }

  get isReady(): boolean {
    return this.isLoaded && !this.isClosed
  }

  /** One who follows the list from now on. `onNews`: there is something to take. */
  follow(onNews: () => void): Follower {
    const opening = this.isLoaded && this.hidesSome ? [this.tooMany()] : []
    return this.followers.follow(opening, this.window.values(), onNews)
  }

  /** Gives a follower's sender a turn. */
  wake(sender: Sender): void {
    this.pacer.wake(sender)
  }

  close(): void {
    this.isClosed = true
    this.unsubscribe()
    this.pacer.close()
    this.cancelRefill?.()
  }

  private get hidesSome(): boolean {
    return this.floorMs > Number.NEGATIVE_INFINITY
  }

  private note(change: SessionChange): void {
    const { before, after } = change
    const id = (after ?? before)?.id ?? ''
    if (this.touched !== null || this.window.has(id) || this.isShown(after)) {
      this.changes.add(id, change)
      this.pacer.wake()
    } else {
      this.changes.delete(id)
    }
  }

  private applyChanges(isOver: () => boolean): boolean {
    for (const [id, change] of this.changes.taken()) {
      this.apply(id, change)
      if (isOver()) {
        break
      }
    }
    this.trim()
    this.fillLater()
    return this.followers.offerTold() || this.changes.size > 0
  }

  private isShown(session: Session | null): boolean {
    return session?.active === true && session.requestTimeMs > this.floorMs
  }

  private apply(id: string, { before, after }: SessionChange): void {
    this.touched?.add(id)
    const entry = this.window.get(id)
    if (after !== null) {
      if (entry !== undefined) {
        this.change(entry, before, after)
      } else if (this.isShown(after) || this.touched !== null) {
        this.add(after)
        this.trim()
      }
    } else if (entry !== undefined) {
      this.remove(id)
      this.fillLater()
    }
  }

  private add(session: Session, listing = listingOf(session)): void {
    const { add, seq } = this.window.add(session, listing)
    this.followers.tell(add, seq)
  }

  private change(entry: Entry, before: Session | null, after: Session): void {
    if (before !== null && isListedAlike(before, after)) {
      this.window.replace(after, entry)
      return
    }
    const listing = listingOf(after)
    const notices = difference(entry.listing, listing)
    if (notices === null) {
      this.remove(after.id)
      this.add(after, listing)
      return
    }
    this.window.replace(after, entry, notices.length === 0 ? entry.listing : listing)
    for (const notice of notices) {
      this.followers.tell(new Message(notice), entry.seq)
    }
  }

  private remove(id: string): void {
    const entry = this.window.remove(id)
    if (entry !== undefined) {
      this.followers.tell(new Message({ command: 'remove', sessionId: id }), entry.seq)
    }
  }

  /** Hides the oldest sessions where there are too many. A walk does it at its end. */
  private trim(): void {
    if (this.touched !== null) {
      return
    }
    this.raiseFloor(this.forgottenMs)
    this.forgottenMs = Number.NEGATIVE_INFINITY
    for (;;) {
      const oldest = this.window.oldest()
      const isTooMany = this.window.size > this.options.maxSessions
      if (oldest === undefined || !(isTooMany || oldest.timeMs < this.floorMs)) {
        return
      }
      this.raiseFloor(oldest.timeMs)
      this.remove(oldest.id)
    }
  }

  /** Sessions without a later request are hidden, or may be. */
  private raiseFloor(toMs: number): void {
    const hidSome = this.hidesSome
    this.floorMs = Math.max(this.floorMs, toMs)
    if (this.isLoaded && this.hidesSome && !hidSome) {
      this.followers.tell(this.tooMany(), 0)
    }
  }

  private fillLater(): void {
    const isShort = this.hidesSome && this.window.size < this.options.maxSessions
    if (!isShort || this.touched !== null || this.cancelRefill !== null || this.isClosed) {
      return
    }
    const { after = timer } = this.options
    this.cancelRefill = after(REFILL_DELAY_MS, async () => {
      this.cancelRefill = null
      try {
        await this.fill()
      } catch (error) {
        this.options.onError(error)
      }
      this.fillLater()
    })
  }

  /** Walks down from `floorMs` until the list is full or everything is listed. */
  private async fill(): Promise<void> {
    let take = PAGE
    try {
      while (this.hidesSome && !this.isFull(this.floorMs) && !this.isClosed) {
        // Pages come faster than they reach everyone.
        await this.pacer.served()
        const touched = new Set<string>()
        this.touched = touched
        const { sessions } = await this.store.list({
          active: true,
          skip: 0,
          take,
          total: false,
          // Those of the very same time may not all have been on the page before.
          ...(Number.isFinite(this.floorMs) && { toTimeMs: this.floorMs + 1 }),
        })
        const last = this.takePage(sessions.filter(({ id }) => !touched.has(id)))
        this.followers.offerTold()
        const reachedMs = (last ?? sessions.at(-1))?.requestTimeMs ?? Number.NEGATIVE_INFINITY
        const isEnd = last === undefined && sessions.length < take
        // A page of sessions of one time leads nowhere: the next must reach beyond them.
        take = reachedMs === this.floorMs ? take * 2 : PAGE
        this.floorMs = isEnd ? Number.NEGATIVE_INFINITY : reachedMs
      }
    } finally {
      this.touched = null
      this.trim()
      this.followers.offerTold()
    }
  }

  /** Returns the first session for which there is no room. */
  private takePage(sessions: readonly Session[]): Session | undefined {
    for (const session of sessions) {
      if (!this.window.has(session.id)) {
        if (this.isFull(session.requestTimeMs)) {
          return session
        }
        this.add(session)
      }
    }
    return undefined
  }

  /** Whether a session of this time has no place: events may have listed older ones during a walk. */
  private isFull(timeMs: number): boolean {
    return (
      this.window.size >= this.options.maxSessions &&
      (this.window.oldest()?.timeMs ?? timeMs) >= timeMs
    )
  }

  private tooMany(): Message {
    const { maxSessions } = this.options
    return new Message({
      command: 'error',
      message: `more than ${maxSessions} sessions are open: the ${maxSessions} with the newest requests are listed`,
    })
  }
}

function timer(delayMs: number, run: () => void): () => void {
  const timeout = setTimeout(run, delayMs)
  return () => clearTimeout(timeout)
}

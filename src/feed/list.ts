import type { SessionChange } from '../core/events.js'
import type { Session } from '../core/session.js'
import { Changes } from './changes.js'
import { difference } from './difference.js'
import { type Follower, Followers } from './follower.js'
import { isListedAlike, listingOf } from './listing.js'
import { Message } from './message.js'
import { type Entry, Window } from './window.js'

/**
 * The open sessions that are listed, and everyone who follows them.
 *
 * A committed change is only noted. Later it is applied, together with what else happened to the session since.
 * What viewers are told is the difference from what they were told before, so an event that says nothing new
 * says nothing to them. Reading pages of the store beside that misses nothing and repeats nothing:
 *
 * - `floorMs` says how much is known: every open session with a later request is listed. A walk lowers it page
 *   by page, each page from one snapshot. It goes by time and not by number, so sessions that move to the top or
 *   end meanwhile shift nothing. A session only ever moves up, out of what is still to be walked, and the event
 *   of that lists it.
 * - A snapshot may be older than an event that was applied while the page was read. So what had one since the
 *   page was asked for is not taken from the page.
 * - It may also be newer than the last event applied. What is taken then will have its event applied again,
 *   without a difference or followed by the event that makes one.
 */
export class FeedList {
  private readonly window = new Window()
  private readonly followers = new Followers()
  private readonly changes: Changes
  /** Every open session with a later request is listed. */
  private floorMs = Number.POSITIVE_INFINITY
  /** The latest request of the sessions that were forgotten unapplied since the list was last trimmed. */
  private forgottenMs = Number.NEGATIVE_INFINITY
  /** During a walk: which sessions had an event since the page was asked for. */
  private touched: Set<string> | null = null
  private isLoaded = false

  constructor(private readonly maxSessions: number) {
    this.changes = new Changes({
      maxSessions,
      isListed: (id) => this.window.has(id),
      onForgotten: (id, timeMs) => {
        this.touched?.add(id)
        this.forgottenMs = Math.max(this.forgottenMs, timeMs)
      },
    })
  }

  get size(): number {
    return this.window.size
  }

  /** Whether it should be walked again: sessions may be hidden for which there is room by now. */
  get isShort(): boolean {
    return this.hidesSome && this.touched === null && this.window.size < this.maxSessions
  }

  /** Whether a walk has not come to its end. */
  get wantsPage(): boolean {
    return this.hidesSome && !this.isFull(this.floorMs)
  }

  /** One who follows the list from now on. `onNews`: there is something to take. */
  follow(onNews: () => void): Follower {
    const opening = this.isLoaded && this.hidesSome ? [this.tooMany()] : []
    return this.followers.follow(opening, this.window.values(), onNews)
  }

  /** Whether the change is one to apply. */
  note(change: SessionChange): boolean {
    const { before, after } = change
    const id = (after ?? before)?.id ?? ''
    if (this.touched !== null || this.window.has(id) || this.isShown(after)) {
      this.changes.add(id, change)
      return true
    }
    this.changes.delete(id)
    return false
  }

  /** Applies what was noted until `isOver`; whether followers have news or some of it is left. */
  applyChanges(isOver: () => boolean): boolean {
    for (const [id, change] of this.changes.taken()) {
      this.apply(id, change)
      if (isOver()) {
        break
      }
    }
    this.trim()
    return this.followers.offerTold() || this.changes.size > 0
  }

  /** The first walk is over: from now on followers are told where sessions are hidden. */
  loaded(): void {
    this.isLoaded = true
    if (this.hidesSome) {
      this.followers.tell(this.tooMany(), 0)
      this.followers.offerTold()
    }
  }

  /** The latest request of the sessions on the next page of a walk, which is to be read now. */
  beginPage(): number {
    this.touched = new Set()
    return this.floorMs
  }

  /** Lists a page of open sessions, the `last` or not; whether it leads on to another. */
  takePage(page: readonly Session[], isLast: boolean): boolean {
    const full = this.addUntilFull(page.filter(({ id }) => !this.touched?.has(id)))
    this.followers.offerTold()
    const reachedMs = (full ?? page.at(-1))?.requestTimeMs ?? Number.NEGATIVE_INFINITY
    const leadsOn = reachedMs !== this.floorMs
    this.floorMs = full === undefined && isLast ? Number.NEGATIVE_INFINITY : reachedMs
    return leadsOn
  }

  endWalk(): void {
    this.touched = null
    this.trim()
    this.followers.offerTold()
  }

  private get hidesSome(): boolean {
    return this.floorMs > Number.NEGATIVE_INFINITY
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
      const isTooMany = this.window.size > this.maxSessions
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

  /** Returns the first session for which there is no room. */
  private addUntilFull(sessions: readonly Session[]): Session | undefined {
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
      this.window.size >= this.maxSessions && (this.window.oldest()?.timeMs ?? timeMs) >= timeMs
    )
  }

  private tooMany(): Message {
    const { maxSessions } = this
    return new Message({
      command: 'error',
      message: `more than ${maxSessions} sessions are open: the ${maxSessions} with the newest requests are listed`,
    })
  }
}

import type { SessionChange } from '../core/events.js'
import type { Session } from '../core/session.js'
import { Changes } from './changes.js'
import { difference } from './difference.js'
import { type Follower, Followers } from './follower.js'
import { isListedAlike, listingOf } from './listing.js'
import { Message } from './message.js'
import { partMessage } from './protocol/messages.js'
import { type Entry, Window } from './window.js'

/**
 * The listed sessions, and everyone who follows them.
 *
 * A committed change is only noted. It is applied later, together with later changes of the same session. Viewers get
 * the difference from what they were told before, so an event without a difference tells them nothing. Walks read
 * pages from the store at the same time. They miss nothing and repeat nothing:
 *
 * - Every open session whose last request is later than `floorAtMs` is listed. A walk lowers that instant page by
 *   page. Each page is from one snapshot. Pages go by time, not by number, so a session that moves to the top or ends
 *   meanwhile does not shift the others. A request moves a session up, out of the part that is still to be walked,
 *   and its event lists it.
 * - A snapshot may be older than an event that was applied while the page was read. So sessions with an event since
 *   the page was asked for are not taken from it.
 * - A snapshot may also be newer than the last event applied. The event of such a session is then applied again: it
 *   makes no difference, or another event follows that does.
 */
export class FeedList {
  private readonly window = new Window()
  private readonly followers = new Followers()
  private readonly changes: Changes
  /** Every open session with a later last request is listed. */
  private floorAtMs = Number.POSITIVE_INFINITY
  /** The latest last request of the changes that were dropped since the list was last trimmed. */
  private forgottenAtMs = Number.NEGATIVE_INFINITY
  /** During a walk: the sessions that had an event since the page was asked for. */
  private touched: Set<string> | null = null
  /** During a second walk: the sessions that a page or an event has shown to be open or not. */
  private seen: Set<string> | null = null
  /** How many listed sessions its pages have shown. */
  private retaken = 0
  private isLoaded = false

  constructor(private readonly maxSessions: number) {
    this.changes = new Changes({
      maxSessions,
      isListed: (id) => this.window.has(id),
      onForgotten: (id, timeMs) => {
        this.touched?.add(id)
        this.forgottenAtMs = Math.max(this.forgottenAtMs, timeMs)
      },
    })
  }

  get size(): number {
    return this.window.size
  }

  /** Whether it needs a walk: it has room, and sessions may be hidden. */
  get isShort(): boolean {
    return this.hidesSome && this.touched === null && this.window.size < this.maxSessions
  }

  /** Whether a walk must go on. */
  get wantsPage(): boolean {
    return this.hidesSome && !this.isFull(this.floorAtMs)
  }

  /** Adds a follower. `onNews` is called when there is something for it to take. */
  follow(onNews: () => void): Follower {
    const opening = this.isLoaded && this.hidesSome ? [this.tooMany()] : []
    return this.followers.follow(opening, this.window.values(), onNews)
  }

  /** Notes a change. Returns whether it must be applied. */
  note(change: SessionChange, id: string): boolean {
    if (this.touched !== null || this.window.has(id) || this.isShown(change.after)) {
      // During a second walk the list may not have been told of what was before.
      this.changes.add(id, this.seen === null ? change : { ...change, before: null })
      return true
    }
    this.changes.delete(id)
    return false
  }

  /** Applies noted changes until `isOver`. Returns whether followers have news or changes are left. */
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

  /** Ends the first walk. From now on followers are told when sessions are hidden. */
  loaded(): void {
    this.isLoaded = true
    if (this.hidesSome) {
      this.followers.tell(this.tooMany(), 0)
      this.followers.offerTold()
    }
  }

  /** Begins a page of a walk. Returns the latest last request of its sessions. */
  beginPage(): number {
    this.touched = new Set()
    return this.floorAtMs
  }

  /** Lists the sessions of a page. Returns whether the next page begins at an earlier instant. */
  takePage(page: readonly Session[], isLast: boolean): boolean {
    const full = this.addUntilFull(page.filter(({ id }) => !this.touched?.has(id)))
    this.followers.offerTold()
    const reachedAtMs = (full ?? page.at(-1))?.requestTimeMs ?? Number.NEGATIVE_INFINITY
    const leadsOn = reachedAtMs !== this.floorAtMs
    this.floorAtMs = full === undefined && isLast ? Number.NEGATIVE_INFINITY : reachedAtMs
    return leadsOn
  }

  /** Begins a second walk, from the newest session on: events were missed, so what is listed may be out of date. */
  beginSecondWalk(): void {
    this.seen = new Set()
    this.retaken = 0
    // What was noted may be older than what was missed.
    this.changes.clear()
    this.beginPage()
  }

  /**
   * Brings what is listed up to date with a page of a second walk. Returns the earliest last request in it, or null
   * once the walk has come to where sessions are hidden, or has as many as may be listed: any number may have opened
   * unseen. What no page showed is then removed.
   */
  retakePage(page: readonly Session[], isLast: boolean): number | null {
    for (const session of page) {
      const { id } = session
      // An event that is not applied yet is newer than the page, or makes no difference.
      if (!this.touched?.has(id) && !this.changes.has(id)) {
        this.renew(session)
      }
      if (!this.seen?.has(id) && this.window.has(id)) {
        this.retaken++
      }
      this.seen?.add(id)
    }
    const reachedAtMs = page.at(-1)?.requestTimeMs ?? Number.NEGATIVE_INFINITY
    const isFull = this.retaken >= this.maxSessions && !isLast
    if (isFull) {
      this.raiseFloor(reachedAtMs)
    }
    const isOver = isLast || isFull || reachedAtMs < this.floorAtMs
    if (isOver) {
      this.removeUnseen()
    }
    this.followers.offerTold()
    return isOver ? null : reachedAtMs
  }

  endWalk(): void {
    this.seen = null
    this.touched = null
    this.trim()
    this.followers.offerTold()
  }

  private get hidesSome(): boolean {
    return this.floorAtMs > Number.NEGATIVE_INFINITY
  }

  private isShown(session: Session | null): boolean {
    return session?.active === true && session.requestTimeMs > this.floorAtMs
  }

  private apply(id: string, { before, after }: SessionChange): void {
    this.touched?.add(id)
    this.seen?.add(id)
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

  private renew(session: Session): void {
    const entry = this.window.get(session.id)
    if (entry !== undefined) {
      this.change(entry, null, session)
    } else if (this.isShown(session)) {
      this.add(session)
    }
  }

  private removeUnseen(): void {
    for (const id of this.window.ids()) {
      if (!this.seen?.has(id) && !this.changes.has(id)) {
        this.remove(id)
      }
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

  /** Hides the oldest sessions if there are too many. During a walk it waits for the end. */
  private trim(): void {
    if (this.touched !== null) {
      return
    }
    this.raiseFloor(this.forgottenAtMs)
    this.forgottenAtMs = Number.NEGATIVE_INFINITY
    for (;;) {
      const oldest = this.window.oldest()
      const isTooMany = this.window.size > this.maxSessions
      if (oldest === undefined || !(isTooMany || oldest.timeMs < this.floorAtMs)) {
        return
      }
      this.raiseFloor(oldest.timeMs)
      this.remove(oldest.id)
    }
  }

  /** From now on, sessions without a later request may be hidden. */
  private raiseFloor(timeMs: number): void {
    const hidSome = this.hidesSome
    this.floorAtMs = Math.max(this.floorAtMs, timeMs)
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

  /** Whether there is no room for a session with this last request. During a walk events may have listed older ones. */
  private isFull(timeMs: number): boolean {
    return (
      this.window.size >= this.maxSessions && (this.window.oldest()?.timeMs ?? timeMs) >= timeMs
    )
  }

  private tooMany(): Message {
    return new Message({ command: 'error', message: partMessage(this.maxSessions) })
  }
}

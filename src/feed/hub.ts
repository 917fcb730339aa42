import type { SessionChange } from '../core/events.js'
import type { SessionStore } from '../core/store.js'
import { type After, startTimer } from '../net/timers.js'
import type { Follower } from './follower.js'
import { FeedList } from './list.js'
import { Pacer, type Sender } from './pacer.js'

const PAGE = 100
const REFILL_DELAY_MS = 1000

export interface FeedHubOptions {
  /** How many sessions are listed: those with the newest requests. */
  readonly maxSessions: number
  /** Told when the store could not be read, which is tried again, or when a viewer was not served. */
  readonly onError: (error: unknown) => void
  readonly after?: After
  /** Default: a monotonic clock. */
  readonly nowMs?: () => number
}

/**
 * Keeps the session list in step with the store, and says when viewers get their turn.
 *
 * Every committed change comes as an event, in commit order, while its answer waits: it is only noted. A little
 * later, when the answer has left, it is applied to the list.
 */
export class FeedHub {
  private readonly list: FeedList
  private readonly pacer: Pacer
  private isLoaded = false
  private isClosed = false
  private cancelRefill: (() => void) | null = null
  private unsubscribe = () => {}

  constructor(
    private readonly store: SessionStore,
    private readonly options: FeedHubOptions,
  ) {
    const { after = startTimer, onError, nowMs, maxSessions } = options
    this.list = new FeedList(maxSessions)
    const change = (isOver: () => boolean) => this.applyChanges(isOver)
    this.pacer = new Pacer({ after, onError, change, ...(nowMs && { nowMs }) })
  }

  /** Reads what is open, and follows it from then on. To be called once. */
  async load(): Promise<void> {
    this.unsubscribe = this.store.subscribe((change) => this.note(change))
    await this.fill()
    this.isLoaded = true
    this.list.loaded()
    this.fillLater()
  }

  get size(): number {
    return this.list.size
  }

  get isReady(): boolean {
    return this.isLoaded && !this.isClosed
  }

  /** One who follows the list from now on. `onNews`: there is something to take. */
  follow(onNews: () => void): Follower {
    return this.list.follow(onNews)
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

  private note(change: SessionChange): void {
    if (this.list.note(change)) {
      this.pacer.wake()
    }
  }

  private applyChanges(isOver: () => boolean): boolean {
    const isMore = this.list.applyChanges(isOver)
    this.fillLater()
    return isMore
  }

  private fillLater(): void {
    if (!this.list.isShort || this.cancelRefill !== null || this.isClosed) {
      return
    }
    const { after = startTimer } = this.options
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

  /** Walks down the open sessions until the list is full or has them all. */
  private async fill(): Promise<void> {
    let take = PAGE
    try {
      while (this.list.wantsPage && !this.isClosed) {
        // Pages come faster than they reach everyone.
        await this.pacer.served()
        const fromMs = this.list.beginPage()
        const { sessions } = await this.store.list({
          active: true,
          skip: 0,
          take,
          total: false,
          // Those of the very same time may not all have been on the page before.
          ...(Number.isFinite(fromMs) && { toTimeMs: fromMs + 1 }),
        })
        const leadsOn = this.list.takePage(sessions, sessions.length < take)
        // A page of sessions of one time leads nowhere: the next must reach beyond them.
        take = leadsOn ? PAGE : take * 2
      }
    } finally {
      this.list.endWalk()
    }
  }
}

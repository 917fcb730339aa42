import type { SessionChange } from '../core/events.js'
import type { Session } from '../core/session.js'
import type { SessionStore } from '../core/store.js'
import { type After, startTimer } from '../net/timers.js'
import type { Follower } from './follower.js'
import { FeedList } from './list.js'
import { Pacer, type Sender } from './pacer.js'

const REFILL_DELAY_MS = 1000
/** Sessions that a walk reads at a time. A store in shards asks each of them for every page, so small ones would cost far more. */
const PAGE = 500
/** And how many it lists at a time: viewers must not fall behind by what they are told of these. */
const SLICE = 100
/** It lists fewer where their `data` is long: what viewers are told of it may be three times as long. In UTF-16 units. */
const SLICE_DATA_CHARS = 64 * 1024

export interface FeedHubOptions {
  /** How many sessions the list has at most: those with the newest requests. */
  readonly maxSessions: number
  /** Called if the store cannot be read (the hub tries again) or a viewer cannot be served. */
  readonly onError: (error: unknown) => void
  readonly after?: After
  /** Default: a monotonic clock. */
  readonly nowMs?: () => number
}

/**
 * Keeps the session list in step with the store, and gives viewers their turns.
 *
 * Every commit emits its changes in order, before its callers are answered. The hub only notes them then. It applies
 * them to the list a little later, when the answers have left.
 */
export class FeedHub {
  private readonly list: FeedList
  private readonly pacer: Pacer
  private isLoaded = false
  private isClosed = false
  private isWalking = false
  /** Events were missed since the list was read. */
  private isStale = false
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

  /** Reads the open sessions and follows their changes from then on. Call it once. */
  async load(): Promise<void> {
    this.unsubscribe = this.store.subscribe(
      (change, id) => this.note(change, id),
      () => {
        this.isStale = true
        this.fillLater()
      },
    )
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

  /** Adds a follower of the list. `onNews` is called when there is something for it to take. */
  follow(onNews: () => void): Follower {
    return this.list.follow(onNews)
  }

  /** Asks for a turn for a follower's sender. */
  wake(sender: Sender): void {
    this.pacer.wake(sender)
  }

  close(): void {
    this.isClosed = true
    this.unsubscribe()
    this.pacer.close()
    this.cancelRefill?.()
  }

  private note(change: SessionChange, id: string): void {
    if (this.list.note(change, id)) {
      this.pacer.wake()
    }
  }

  private applyChanges(isOver: () => boolean): boolean {
    const isMore = this.list.applyChanges(isOver)
    this.fillLater()
    return isMore
  }

  private fillLater(): void {
    const isDue = this.list.isShort || this.isStale
    if (!isDue || this.cancelRefill !== null || this.isClosed) {
      return
    }
    const { after = startTimer } = this.options
    this.cancelRefill = after(REFILL_DELAY_MS, async () => {
      this.cancelRefill = null
      try {
        if (!this.isWalking) {
          await (this.isStale ? this.readAgain() : this.fill())
        }
      } catch (error) {
        this.options.onError(error)
      }
      this.fillLater()
    })
  }

  /** Walks the open sessions, newest request first, until the list is full or has them all. */
  private async fill(): Promise<void> {
    let take = PAGE
    this.isWalking = true
    try {
      while (this.list.wantsPage && !this.isClosed) {
        const sessions = await this.page(this.list.beginPage(), take)
        let leadsOn = false
        for await (const [slice, isLast] of this.slicesOf(sessions, take)) {
          leadsOn = this.list.takePage(slice, isLast) || leadsOn
          if (!this.list.wantsPage) {
            break
          }
        }
        // If all sessions of a page have the same time, the next page must be larger to get past them.
        take = leadsOn ? PAGE : take * 2
      }
    } finally {
      this.endWalk()
    }
  }

  /** Walks the listed part of the open sessions once more, and tells viewers what is different. */
  private async readAgain(): Promise<void> {
    this.isStale = false
    this.isWalking = true
    let take = PAGE
    let fromAtMs: number | null = Number.POSITIVE_INFINITY
    this.list.beginSecondWalk()
    try {
      while (fromAtMs !== null && !this.isClosed) {
        this.list.beginPage()
        const sessions = await this.page(fromAtMs, take)
        let reachedAtMs: number | null = fromAtMs
        for await (const [slice, isLast] of this.slicesOf(sessions, take)) {
          reachedAtMs = this.list.retakePage(slice, isLast)
          if (reachedAtMs === null) {
            break
          }
        }
        take = reachedAtMs === fromAtMs ? take * 2 : PAGE
        fromAtMs = reachedAtMs
      }
    } catch (error) {
      this.isStale = true
      throw error
    } finally {
      this.endWalk()
    }
  }

  /** A page in parts, each once viewers have taken what came before it; and whether it is the last part of the last page. */
  private async *slicesOf(
    page: readonly Session[],
    take: number,
  ): AsyncGenerator<[slice: readonly Session[], isLast: boolean], void> {
    let begin = 0
    do {
      const end = endOfSlice(page, begin)
      await this.pacer.served()
      yield [page.slice(begin, end), end >= page.length && page.length < take]
      begin = end
    } while (begin < page.length)
  }

  private endWalk(): void {
    this.list.endWalk()
    this.isWalking = false
  }

  private async page(fromAtMs: number, take: number): Promise<readonly Session[]> {
    const { sessions } = await this.store.list({
      active: true,
      skip: 0,
      take,
      total: false,
      // Sessions with the same time may be split between two pages.
      ...(Number.isFinite(fromAtMs) && { toTimeMs: fromAtMs + 1 }),
    })
    return sessions
  }
}

function endOfSlice(page: readonly Session[], begin: number): number {
  let end = begin
  for (let chars = 0; end < page.length && end < begin + SLICE && chars < SLICE_DATA_CHARS; end++) {
    chars += page[end]?.data?.length ?? 0
  }
  return end
}

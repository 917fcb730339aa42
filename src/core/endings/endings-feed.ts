import { StoreDamagedError } from '../errors.js'
import type { SessionChange } from '../events.js'
import type { SessionEnding } from '../session.js'
import type { EndingsPage, SessionStore } from '../store.js'

/** At least so often followers hear that nothing was missed. */
export const HEARTBEAT_MS = 5_000
/** Endings of so long are told together. */
const GATHER_MS = 50
/** Endings that are read at once, of each shard. */
const PAGE = 128

const STOPS_ALL =
  'Until that is mended, no watcher can be told that it has missed nothing; "sessiond check" shows what else is damaged'

export interface EndingsFeedPorts {
  readonly store: Pick<SessionStore, 'endings' | 'subscribe'>
  readonly nowMs: () => number
  /** Calls `run` after a delay, unless the function returned is called before. */
  readonly after: (delayMs: number, run: () => void) => () => void
  /** The store could not be read: until it can, nobody is told that nothing was missed. */
  readonly onFailure: (error: unknown) => void
}

/** What followers are told. */
export interface Told {
  readonly endings: readonly SessionEnding[]
  /** Behind these. */
  readonly cursor: Uint8Array
  /** Every ending that was acknowledged before this instant has been told, in Unix milliseconds. null: nothing is said. */
  readonly timeMs: number | null
}

/** What one that joins is told first: the rest of what ended before. */
export interface CaughtUp extends Told {
  readonly isFull: boolean
  readonly timeMs: number
}

interface Joining {
  readonly cursor: Uint8Array
  readonly enter: (rest: CaughtUp) => void
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/**
 * Reads endings from the store once for all followers: soon after they were committed, and thoroughly at each heartbeat. Reads one
 * thing at a time, so that what a follower is told as it joins and what all are told have no gap between them.
 */
export class EndingsFeed {
  /** Up to where all followers were told; null while there are none. */
  private cursor: Uint8Array | null = null
  private followers = 0
  private joining: Joining[] = []
  /** Sessions that may have ended since the last read. */
  private changed = new Set<string>()
  private isThorough = false
  private isReading = false
  private cancelWake: (() => void) | null = null
  /** What ends the watch over the store; null while there is none. */
  private unwatch: (() => void) | null = null
  /** When the last heartbeat was told of. */
  private toldAtMs = 0

  /** `tell`: called for all followers at once. */
  constructor(
    private readonly ports: EndingsFeedPorts,
    private readonly tell: (told: Told) => void,
  ) {}

  /**
   * Some of the endings behind a cursor. `of`: those of these sessions are enough. Throws StoreUnavailableError, and
   * StoreDamagedError: an ending that cannot be read is not left out, because whoever is not told of it believes that the session goes on.
   */
  async read(cursor: Uint8Array, of?: ReadonlySet<string>): Promise<EndingsPage> {
    try {
      return await this.ports.store.endings(cursor, PAGE, of)
    } catch (error) {
      throw error instanceof StoreDamagedError
        ? new StoreDamagedError(`${error.message}. ${STOPS_ALL}`, error)
        : error
    }
  }

  /**
   * Adds a follower. `enter` is called with all endings behind the cursor that are left: what is told after that call follows
   * them. Throws StoreUnavailableError and StoreDamagedError. Call `leave` once for each that entered.
   */
  join(cursor: Uint8Array, enter: Joining['enter']): Promise<void> {
    return new Promise((resolve, reject) => {
      this.joining.push({ cursor, enter, resolve, reject })
      this.run()
    })
  }

  leave(): void {
    this.followers--
    this.stopIfUnused()
  }

  /** How long ago all that had ended was told; 0 while nobody follows. */
  lagMs(): number {
    return this.followers === 0 ? 0 : Math.max(0, this.ports.nowMs() - this.toldAtMs)
  }

  /** Before the first read: what ends after it is then known to have changed. */
  private watch(): void {
    const unsubscribe = this.ports.store.subscribe(
      (change, id) => {
        if (mayEnd(change)) {
          this.changed.add(id)
          this.wake()
        }
      },
      () => {
        this.isThorough = true
        this.run()
      },
    )
    let cancelHeartbeat = () => {}
    const beat = () => {
      cancelHeartbeat = this.ports.after(HEARTBEAT_MS, () => {
        beat()
        this.isThorough = true
        this.run()
      })
    }
    beat()
    this.unwatch = () => {
      unsubscribe()
      cancelHeartbeat()
      this.cancelWake?.()
      this.cancelWake = null
    }
  }

  /** Not while one joins: it relies on what is watched. */
  private stopIfUnused(): void {
    if (this.followers > 0 || this.isReading) {
      return
    }
    this.unwatch?.()
    this.unwatch = null
    this.cursor = null
    this.changed.clear()
    this.isThorough = false
  }

  private wake(): void {
    this.cancelWake ??= this.ports.after(GATHER_MS, () => {
      this.cancelWake = null
      this.run()
    })
  }

  private async run(): Promise<void> {
    if (this.isReading) {
      return
    }
    this.isReading = true
    try {
      while (this.joining.length > 0 || this.isDue) {
        await this.tellAll()
        await this.letIn()
      }
    } finally {
      this.isReading = false
      this.stopIfUnused()
    }
  }

  private get isDue(): boolean {
    const isGathered = this.changed.size > 0 && this.cancelWake === null
    return this.cursor !== null && (this.isThorough || isGathered)
  }

  private async tellAll(): Promise<void> {
    const { nowMs, onFailure } = this.ports
    if (this.cursor === null || !this.isDue) {
      return
    }
    const { changed, isThorough } = this
    this.changed = new Set()
    this.isThorough = false
    const timeMs = nowMs()
    try {
      for (let hasMore = true; hasMore && this.cursor !== null; ) {
        const page: EndingsPage = await this.read(this.cursor, isThorough ? undefined : changed)
        ;({ hasMore } = page)
        // The last follower may have left meanwhile.
        if (this.cursor !== null) {
          this.cursor = page.cursor
          this.tellPage(page, isThorough && !hasMore ? timeMs : null)
        }
      }
    } catch (error) {
      // The next heartbeat reads everything.
      onFailure(error)
    }
  }

  private tellPage({ endings, cursor }: EndingsPage, timeMs: number | null): void {
    if (endings.length > 0 || timeMs !== null) {
      this.toldAtMs = timeMs ?? this.toldAtMs
      this.tell({ endings, cursor, timeMs })
    }
  }

  /** Nothing is told meanwhile. The first that can reads alone: the others then know all that it was told. */
  private async letIn(): Promise<void> {
    const joining = this.joining.splice(0)
    while (this.cursor === null) {
      const one = joining.shift()
      if (one === undefined) {
        return
      }
      await this.letInOne(one)
    }
    await Promise.all(joining.map((one) => this.letInOne(one)))
  }

  private async letInOne({ cursor, enter, resolve, reject }: Joining): Promise<void> {
    try {
      if (this.unwatch === null) {
        this.watch()
      }
      const rest = await this.restBehind(cursor)
      enter(rest)
      this.followers++
      if (this.cursor === null) {
        this.cursor = rest.cursor
        this.toldAtMs = rest.timeMs
      }
      resolve()
    } catch (error) {
      reject(error)
    }
  }

  private async restBehind(from: Uint8Array): Promise<CaughtUp> {
    const timeMs = this.ports.nowMs()
    const endings: SessionEnding[] = []
    let page = await this.read(from)
    const { isFull } = page
    endings.push(...page.endings)
    while (page.hasMore) {
      page = await this.read(page.cursor)
      endings.push(...page.endings)
    }
    return { endings, cursor: page.cursor, isFull, timeMs }
  }
}

/** Whether a change may be the ending of a token session. Where another server made it, little is known. */
function mayEnd({ before, after }: SessionChange): boolean {
  return !after?.active && before?.active !== false && (after ?? before)?.token !== null
}

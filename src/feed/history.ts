import type { SessionChange } from '../core/events.js'
import type { SessionStore } from '../core/store.js'
import { backgroundInterval, type Every } from '../net/background-timers.js'

const MINUTE_MS = 60_000
/** An hour, with the minute that is running. */
const MAX_MINUTES = 60
/** How old a count may be: thousands of viewers ask, and a store on several machines asks them all. */
const MAX_AGE_MS = 1000

/** What happened in a minute. */
interface Minute {
  readonly fromAtMs: number
  opened: number
  ended: number
  /** At its end, or now. */
  open: number
}

export interface HistoryOptions {
  /** How many sessions the list shows at most. */
  readonly maxListed: number
  readonly nowMs?: () => number
  readonly every?: Every
}

/** How many sessions opened and ended in each minute of the last hour, kept in memory. */
export class SessionHistory {
  /** The oldest first. The last one is running. */
  private readonly minutes: Minute[] = []
  private readonly nowMs: () => number
  private counting: { readonly atMs: number; readonly open: Promise<number> } | null = null
  private stop = () => {}

  constructor(
    private readonly store: Pick<SessionStore, 'subscribe' | 'countOpen'>,
    private readonly options: HistoryOptions,
  ) {
    this.nowMs = options.nowMs ?? Date.now
  }

  start(): void {
    const { every = backgroundInterval } = this.options
    this.begin()
    const unsubscribe = this.store.subscribe((change) => this.note(change))
    const stopTurning = every(MINUTE_MS, () => {
      void this.count()
      this.begin()
    })
    this.stop = () => {
      unsubscribe()
      stopTurning()
    }
  }

  close(): void {
    this.stop()
  }

  /** As viewers get it: docs/protocols/operator.md. */
  async report(): Promise<object> {
    const openSessions = await this.count()
    return {
      now_at_ms: this.nowMs(),
      open_sessions: openSessions,
      max_listed: this.options.maxListed,
      minutes: this.minutes.map(({ fromAtMs, opened, ended, open }) => ({
        ...{ from_at_ms: fromAtMs, opened, ended, open },
      })),
    }
  }

  private begin(): void {
    const open = this.minutes.at(-1)?.open ?? 0
    this.minutes.push({ fromAtMs: this.nowMs(), opened: 0, ended: 0, open })
    if (this.minutes.length > MAX_MINUTES) {
      this.minutes.shift()
    }
  }

  /** Counts the open sessions for the minute that is running now. While the store is away, the last number stays. */
  private async count(): Promise<number> {
    const running = this.minutes.at(-1) as Minute
    const nowMs = this.nowMs()
    if (this.counting === null || Math.abs(nowMs - this.counting.atMs) >= MAX_AGE_MS) {
      this.counting = { atMs: nowMs, open: this.store.countOpen().catch(() => running.open) }
    }
    running.open = await this.counting.open
    return running.open
  }

  private note(change: SessionChange): void {
    const running = this.minutes.at(-1) as Minute
    running.opened += hasOpened(change) ? 1 : 0
    running.ended += hasEnded(change) ? 1 : 0
  }
}

/** Where another server made the change, nobody knows what was before: but a new session has had no request yet. */
function hasOpened({ before, after }: SessionChange): boolean {
  return (
    after?.active === true &&
    (before === null ? after.requestTimeMs === after.openTimeMs : !before.active)
  )
}

function hasEnded({ before, after }: SessionChange): boolean {
  return after?.active !== true && (before === null ? after !== null : before.active)
}

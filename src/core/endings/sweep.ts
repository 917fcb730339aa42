import type { EpochClock } from '../epoch.js'
import { StoreDamagedError, StoreUnavailableError } from '../errors.js'
import type { Session } from '../session.js'
import type { Deadline, SessionStore } from '../store.js'
import type { EndedCounts } from './ended-counts.js'
import type { ExpiryRules } from './expiry-rules.js'

const COMPACT_INTERVAL_MS = 3_600_000
/** Deadlines of one step. Their writes share a commit or two. */
const STEP = 500

export interface SweepCounts {
  readonly ended: number
  readonly purged: number
}

/**
 * Ends overdue sessions and purges old ones, in bounded steps. Does nothing while the clock is suspect. Reports damage in
 * the store once, and passes it over until the next start.
 */
export class Sweep {
  private running: Promise<SweepCounts> | null = null
  private stepping: Promise<unknown> | null = null
  private compactAtMs: number
  private ended = 0
  private purged = 0
  /** Deadlines of damaged rows. Nothing settles them, so they are always due. */
  private readonly passedOver = new Set<string>()

  /** `onDamage`: called for each damage. */
  constructor(
    private readonly store: SessionStore,
    private readonly clock: EpochClock,
    private readonly rules: ExpiryRules,
    private readonly endedCounts: EndedCounts,
    private readonly onDamage: (problem: string) => void = () => {},
  ) {
    this.compactAtMs = clock.nowMs() + COMPACT_INTERVAL_MS
  }

  /** What was done since the start. */
  get done(): SweepCounts {
    return { ended: this.ended, purged: this.purged }
  }

  /** Works off everything that is due, until `stop` is aborted. Concurrent calls share one walk. */
  drain(stop?: AbortSignal): Promise<SweepCounts> {
    this.running ??= this.walk(stop).finally(() => {
      this.running = null
    })
    return this.running
  }

  /** The same, and compacts seals once an hour. Calls that only need room must not wait for that. */
  async run(stop?: AbortSignal): Promise<SweepCounts> {
    const counts = await this.drain(stop)
    const nowMs = this.clock.nowMs()
    // More than an hour ahead: the clock was set back. What was due would otherwise wait for as long as it was ahead.
    const isDue = nowMs >= this.compactAtMs || nowMs < this.compactAtMs - COMPACT_INTERVAL_MS
    if (!stop?.aborted && isDue) {
      this.compactAtMs = nowMs + COMPACT_INTERVAL_MS
      await this.store.compactSeals()
    }
    return counts
  }

  /**
   * Works off the first deadlines that are due, unless a walk does so. Concurrent calls share one step. Whoever calls it wants to
   * read, which goes on where nothing can be written.
   */
  async step(): Promise<void> {
    if (this.running === null) {
      this.stepping ??= this.sweepNext().finally(() => {
        this.stepping = null
      })
      await this.stepping.catch((error) => {
        if (!(error instanceof StoreUnavailableError)) {
          throw error
        }
      })
    }
  }

  private async walk(stop: AbortSignal | undefined): Promise<SweepCounts> {
    const before = this.done
    let swept: number
    do {
      swept = await this.sweepNext()
    } while (swept >= STEP && !stop?.aborted)
    return { ended: this.ended - before.ended, purged: this.purged - before.purged }
  }

  private async sweepNext(): Promise<number> {
    const nowMs = this.clock.nowMs()
    if (this.clock.isSuspect()) {
      return 0
    }
    const all = await this.store.due(nowMs + 1, STEP + this.passedOver.size)
    const due = all.filter((deadline) => !this.passedOver.has(nameOf(deadline)))
    await Promise.all(due.map((deadline) => this.attempt(deadline, nowMs)))
    return due.length
  }

  /** A damaged row must not stop the sweep, nor a call that waits for it. */
  private async attempt(deadline: Deadline, nowMs: number): Promise<void> {
    try {
      await (deadline.kind === 'session'
        ? this.sweepSession(deadline, nowMs)
        : this.store.settle([deadline]))
    } catch (error) {
      if (!(error instanceof StoreDamagedError)) {
        throw error
      }
      this.passedOver.add(nameOf(deadline))
      this.onDamage(error.message)
    }
  }

  /** Reads the session again: requests may have moved its end. */
  private async sweepSession(
    deadline: Deadline & { kind: 'session' },
    nowMs: number,
  ): Promise<void> {
    const { store, rules } = this
    const settles = { settles: deadline }
    const isPurged = (session: Session) => !session.active && rules.dueAtMs(session) <= nowMs
    const seen = await store.get(deadline.id)
    if (seen !== undefined && isPurged(seen)) {
      // Two deadlines of one session may be due, and only one of them removes it.
      const removed = await store.remove(deadline.id, isPurged, settles)
      this.purged += removed === undefined ? 0 : 1
      return
    }
    let isEnded = false
    const swept = await store.update(
      deadline.id,
      (current) => {
        isEnded = current.active && rules.dueAtMs(current) <= nowMs
        return isEnded
          ? rules.lapse(current)
          : { session: current, sweepAtMs: rules.sweepAtMs(current) }
      },
      settles,
    )
    // The store may decide more than once, and the session may be gone by then.
    if (isEnded && swept !== undefined) {
      this.ended++
      this.endedCounts.add(swept.ending?.reason)
    }
  }
}

function nameOf(deadline: Deadline): string {
  if (deadline.kind !== 'idempotency') {
    return `${deadline.kind} ${deadline.timeMs} ${deadline.id}`
  }
  const { owner, signer, key } = deadline.scope
  return `idempotency ${deadline.timeMs} ${owner.join()} ${signer.join()} ${key}`
}

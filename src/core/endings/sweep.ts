import type { EpochClock } from '../epoch.js'
import { StoreDamagedError } from '../errors.js'
import type { Session } from '../session.js'
import type { Deadline, SessionStore } from '../store.js'
import { type ExpiryRules, ended } from './expiry-rules.js'

const COMPACT_INTERVAL_MS = 3_600_000
/** How many deadlines one step takes: their writes share a commit or two. */
const STEP = 500

export interface SweepCounts {
  readonly ended: number
  readonly purged: number
}

/**
 * Ends what is past its deadline and purges what was kept long enough, in bounded steps. Does nothing while
 * the clock is suspect. What is damaged in the store is told of once, and left alone until the next start.
 */
export class Sweep {
  private running: Promise<SweepCounts> | null = null
  private stepping: Promise<unknown> | null = null
  private compactAtMs: number
  private ended = 0
  private purged = 0
  /** Deadlines of what is damaged. Nothing settles them, so that they are always due. */
  private readonly passedOver = new Set<string>()

  /** `onDamage`: is told of each damage that the sweep meets. */
  constructor(
    private readonly store: SessionStore,
    private readonly clock: EpochClock,
    private readonly rules: ExpiryRules,
    private readonly onDamage: (problem: string) => void = () => {},
  ) {
    this.compactAtMs = clock.nowMs() + COMPACT_INTERVAL_MS
  }

  /** What was done since the start, whoever asked for it. */
  get done(): SweepCounts {
    return { ended: this.ended, purged: this.purged }
  }

  /** Works off everything that is due, or leaves off when `stop` is aborted. Calls at once share one walk. */
  drain(stop?: AbortSignal): Promise<SweepCounts> {
    this.running ??= this.walk(stop).finally(() => {
      this.running = null
    })
    return this.running
  }

  /** The same, and once an hour compacts seals: nobody whose call needs room waits for that. */
  async run(stop?: AbortSignal): Promise<SweepCounts> {
    const counts = await this.drain(stop)
    if (!stop?.aborted && this.clock.nowMs() >= this.compactAtMs) {
      this.compactAtMs = this.clock.nowMs() + COMPACT_INTERVAL_MS
      await this.store.compactSeals()
    }
    return counts
  }

  /** Works off what is due first, unless a walk is under way. Calls at once share one step. */
  async step(): Promise<void> {
    if (this.running === null) {
      this.stepping ??= this.sweepNext().finally(() => {
        this.stepping = null
      })
      await this.stepping
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

  /** One damaged row must not keep the sweep from all others, nor a caller from what it asks for. */
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

  /** Looks at the session anew: requests may have moved its end. */
  private async sweepSession(
    deadline: Deadline & { kind: 'session' },
    nowMs: number,
  ): Promise<void> {
    const { store, rules } = this
    const settles = { settles: deadline }
    const isPurged = (session: Session) => !session.active && rules.dueAtMs(session) <= nowMs
    const seen = await store.get(deadline.id)
    if (seen !== undefined && isPurged(seen)) {
      // Two deadlines of one session may be due at once.
      const removed = await store.remove(deadline.id, isPurged, settles)
      this.purged += removed === undefined ? 0 : 1
      return
    }
    let isEnded = false
    await store.update(
      deadline.id,
      (current) => {
        const dueAtMs = rules.dueAtMs(current)
        isEnded = current.active && dueAtMs <= nowMs
        const session = isEnded ? ended(current, dueAtMs) : current
        return { session, sweepAtMs: rules.sweepAtMs(session) }
      },
      settles,
    )
    this.ended += isEnded ? 1 : 0
  }
}

function nameOf(deadline: Deadline): string {
  if (deadline.kind === 'session') {
    return `session ${deadline.timeMs} ${deadline.id}`
  }
  const { owner, signer, key } = deadline.scope
  return `idempotency ${deadline.timeMs} ${owner.join()} ${signer.join()} ${key}`
}

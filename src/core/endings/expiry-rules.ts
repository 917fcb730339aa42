import type { EpochClock } from '../epoch.js'
import type { Removal } from '../events.js'
import type { Ending, Session } from '../session.js'
import type { EndingDeadline, Update } from '../store.js'
import { deadlineOfEnding, endingIn } from './session-endings.js'

/** 0 is none. */
export interface ExpirySettings {
  /** A session opened by a command ends this long after its last request. */
  readonly idleTimeoutMs: number
  /** A session opened by a command ends this long after it was opened. */
  readonly maxSessionAgeMs: number
  /** An ended session is purged after this long. */
  readonly retentionMs: number
}

/** How long it may take the sweep to apply changed settings. */
const SWEEP_INTERVAL_MS = 86_400_000

/** When sessions end, and when ended ones are purged. Unix milliseconds. */
export class ExpiryRules {
  constructor(
    private readonly clock: EpochClock,
    private readonly settings: ExpirySettings,
  ) {}

  /** When an open session ends: a token session after its `exp`. Infinity if it never does. */
  endsAtMs({ token, openTimeMs, requestTimeMs }: Session): number {
    if (token !== null) {
      return this.clock.endsAtMs(token.lifetime.exp)
    }
    const { idleTimeoutMs, maxSessionAgeMs } = this.settings
    return Math.min(
      idleTimeoutMs > 0 ? requestTimeMs + idleTimeoutMs : Number.POSITIVE_INFINITY,
      maxSessionAgeMs > 0 ? openTimeMs + maxSessionAgeMs : Number.POSITIVE_INFINITY,
    )
  }

  /**
   * When the sweep must look at a session: when it is due, but at least once a day, so that a server with other settings
   * finds it too. Only the end of a token session depends on no setting.
   */
  sweepAtMs(session: Session): number {
    const { active, token, openTimeMs } = session
    const dueAtMs = this.dueAtMs(session)
    if (active && token !== null) {
      return dueAtMs
    }
    // A whole number of days after its opening, so that several deadlines of a session become one.
    const days = Math.floor((this.clock.nowMs() - openTimeMs) / SWEEP_INTERVAL_MS) + 1
    return Math.min(dueAtMs, openTimeMs + days * SWEEP_INTERVAL_MS)
  }

  /** When a session is to be ended, or purged. */
  dueAtMs(session: Session): number {
    return session.active
      ? this.endsAtMs(session)
      : (session.closeTimeMs ?? session.requestTimeMs) + this.settings.retentionMs
  }

  /** Whether a session is marked open but past its end. None is while the clock is suspect. */
  isOverdue(session: Session): boolean {
    // Check the guard last, to catch a clock that changed meanwhile.
    return session.active && this.endsAtMs(session) <= this.clock.nowMs() && !this.clock.isSuspect()
  }

  /** The session as of now: an overdue one has ended, whether the sweep came or not. */
  asOfNow(session: Session): Session {
    return this.isOverdue(session) ? this.lapsed(session) : session
  }

  /** The session after it ended by itself. */
  lapsed(session: Session): Session {
    const endsAtMs = this.endsAtMs(session)
    const { idleTimeoutMs } = this.settings
    const isIdle =
      idleTimeoutMs > 0 &&
      session.token === null &&
      endsAtMs === session.requestTimeMs + idleTimeoutMs
    return ended(session, endsAtMs, { reason: isIdle ? 'idle' : 'expired', by: null })
  }

  /** The update that ends a session, with its next deadline. */
  end(session: Session, closeTimeMs: number, ending: Ending): Update {
    return this.endAs(ended(session, closeTimeMs, ending))
  }

  /** The update that ends a session which is over, with its next deadline. */
  lapse(session: Session): Update {
    return this.endAs(this.lapsed(session))
  }

  /** How a session ends that is deleted now, should it be open. */
  removal(reason: Removal['reason']): Removal {
    return { reason, timeMs: this.clock.nowMs() }
  }

  /** The deadline of what must still be remembered of an ended session. null: nothing. */
  endingDeadline(session: Session): EndingDeadline | null {
    const ending = endingIn(session, this.clock.settings)
    const deadline = ending && deadlineOfEnding(ending, this.clock.settings)
    return deadline !== null && deadline.timeMs > this.clock.nowMs() ? deadline : null
  }

  private endAs(session: Session): Update {
    return { session, sweepAtMs: this.sweepAtMs(session) }
  }
}

/** The session after it ended: `user` and `data` end with it. */
export function ended(session: Session, closeTimeMs: number, ending: Ending): Session {
  return { ...session, active: false, closeTimeMs, user: null, data: null, ending }
}

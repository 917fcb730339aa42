import type { EpochClock } from '../epoch.js'
import type { Session } from '../session.js'
import type { Update } from '../store.js'

/** Milliseconds; 0 is none. */
export interface ExpirySettings {
  /** A session opened by a command ends when nothing was asked of it for so long. */
  readonly idleTimeoutMs: number
  /** A session opened by a command ends when it is older. */
  readonly maxSessionAgeMs: number
  /** Ended sessions are kept for so long, then purged. */
  readonly retentionMs: number
}

/** How late the sweep may find out that the settings were changed. */
const SWEEP_INTERVAL_MS = 86_400_000

/** When sessions end by themselves, and when ended ones are purged. Unix milliseconds. */
export class ExpiryRules {
  constructor(
    private readonly clock: EpochClock,
    private readonly settings: ExpirySettings,
  ) {}

  /** When an open session ends: a token session after its `exp`. Infinity where it does not. */
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
   * The deadline to arm for a session: when it is due, but no later than in a day, since a server that was
   * started with other settings must find it, too. Only the end of a token session is the same under all.
   */
  sweepAtMs(session: Session): number {
    const { active, token, openTimeMs } = session
    const dueAtMs = this.dueAtMs(session)
    if (active && token !== null) {
      return dueAtMs
    }
    // Whole days after its opening, so that several deadlines of a session become one.
    const days = Math.floor((this.clock.nowMs() - openTimeMs) / SWEEP_INTERVAL_MS) + 1
    return Math.min(dueAtMs, openTimeMs + days * SWEEP_INTERVAL_MS)
  }

  /** When the sweep must next look at a session: to end it, or to purge it. */
  dueAtMs(session: Session): number {
    return session.active
      ? this.endsAtMs(session)
      : (session.closeTimeMs ?? session.requestTimeMs) + this.settings.retentionMs
  }

  /** Whether a session that is marked open is past its deadline; none is while the clock is suspect. */
  isOverdue(session: Session): boolean {
    // In this order: a clock that is set meanwhile is then found out.
    return session.active && this.endsAtMs(session) <= this.clock.nowMs() && !this.clock.isSuspect()
  }

  /** The session as it is at this moment: one past its deadline has ended then, swept or not. */
  asOfNow(session: Session): Session {
    return this.isOverdue(session) ? ended(session, this.endsAtMs(session)) : session
  }

  /** What ends a session in the store, and has the sweep look at it again. */
  end(session: Session, closeTimeMs: number): Update {
    const after = ended(session, closeTimeMs)
    return { session: after, sweepAtMs: this.sweepAtMs(after) }
  }
}

/** The session as it is once it has ended: what callers kept in it ends with it. */
export function ended(session: Session, closeTimeMs: number): Session {
  return { ...session, active: false, closeTimeMs, user: null, data: null }
}

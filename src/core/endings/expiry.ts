import { excessOf, type Quota, sessionsToEnd } from '../create/quota.js'
import type { EpochClock } from '../epoch.js'
import { QuotaError } from '../errors.js'
import type { Ending, Session } from '../session.js'
import { Shared } from '../shared.js'
import type { Decision, InsertScope, Seen, SessionStore, Update } from '../store.js'
import { EarlierSessions } from './earlier-sessions.js'
import { EndedCounts } from './ended-counts.js'
import { ExpiryRules, type ExpirySettings } from './expiry-rules.js'
import { Sweep } from './sweep.js'

/** The most sessions that one insert ends. */
const MAX_SUPERSEDED = 100

/** Internal: the session that a command would find again is overdue. */
class OverdueFound extends Error {
  constructor(readonly sessionId: string) {
    super()
  }
}

/** Ends sessions that are overdue, or in the way of a new one. */
export class Expiry {
  readonly rules: ExpiryRules
  readonly sweep: Sweep
  /** All that this process ended, for whatever reason. */
  readonly ended = new EndedCounts()
  private readonly earlier: EarlierSessions
  private readonly ending = new Shared<void>()

  /** `onDamage`: called for each damage that no caller learns of. */
  constructor(
    private readonly store: SessionStore,
    private readonly clock: EpochClock,
    settings: ExpirySettings,
    onDamage: (problem: string) => void = () => {},
  ) {
    this.rules = new ExpiryRules(clock, settings)
    this.sweep = new Sweep(store, clock, this.rules, this.ended, onDamage)
    const endIfOverdue = (id: string) => this.endIfOverdue(id)
    this.earlier = new EarlierSessions(store, clock, this.rules, endIfOverdue, onDamage)
  }

  endIfOverdue(id: string): Promise<void> {
    const { rules } = this
    return this.ending.run(id, async () => {
      let isEnded = false
      const session = await this.store.update(id, (current) => {
        isEnded = rules.isOverdue(current)
        return isEnded ? rules.lapse(current) : null
      })
      if (isEnded) {
        this.ended.add(session?.ending?.reason)
      }
    })
  }

  /**
   * Ends a session for this reason, unless it has ended, or should have. `check`: may throw on what it is then. undefined: there
   * is none with this id.
   */
  async end(
    id: string,
    ending: Ending,
    check: (current: Session) => void = () => {},
  ): Promise<{ readonly session: Session; readonly wasOpen: boolean } | undefined> {
    const { rules } = this
    let wasMarkedOpen = false
    let wasOpen = false
    const session = await this.store.update(id, (current) => {
      check(current)
      wasMarkedOpen = current.active
      wasOpen = rules.asOfNow(current).active
      if (!current.active) {
        return null
      }
      return wasOpen ? rules.end(current, this.clock.nowMs(), ending) : rules.lapse(current)
    })
    if (wasMarkedOpen) {
      this.ended.add(session?.ending?.reason)
    }
    return session && { session, wasOpen }
  }

  /**
   * Inserts a session if the quota allows it. First ends overdue sessions that may be in the way, and then, if the quota
   * says so, the user's oldest ones. Throws QuotaError, and what `decide` throws.
   */
  async insert(
    scope: Omit<InsertScope, 'countOpenOfUser' | 'oldest'>,
    quota: Quota,
    decide: (seen: Seen) => Decision,
  ): Promise<Session> {
    const countOpenOfUser = quota.maxSessionsPerOwner > 0
    let hasTried = false
    let oldest = 0
    for (;;) {
      let excess = 0
      let ends: readonly Update[] = []
      try {
        const { userId, idempotency, reuse } = scope
        // Field by field: spreading the scope would cost more than all the rest here.
        const counted = { userId, idempotency, reuse, countOpenOfUser, oldest }
        const inserted = await this.store.insert(counted, (seen) => {
          if (seen.reusable !== undefined && this.rules.isOverdue(seen.reusable)) {
            throw new OverdueFound(seen.reusable.id)
          }
          excess = excessOf(seen, quota)
          const decision = this.withinQuota(decide(seen), seen, quota)
          ends = ('insert' in decision && decision.ends) || []
          return decision
        })
        for (const { session } of ends) {
          this.ended.add(session.ending?.reason)
        }
        return inserted
      } catch (error) {
        if (error instanceof OverdueFound) {
          await this.endIfOverdue(error.sessionId)
        } else if (error instanceof QuotaError) {
          const wanted = quota.atLimit === 'end-oldest' ? Math.min(excess, MAX_SUPERSEDED) : 0
          const hasMadeRoom = !hasTried && (await this.makeRoom(scope))
          if (!hasMadeRoom && wanted <= oldest) {
            throw error
          }
          hasTried = true
          oldest = wanted
        } else {
          throw error
        }
      }
    }
  }

  /** Adds to a decision to insert which sessions end with it. Throws QuotaError. */
  private withinQuota(decision: Decision, seen: Seen, quota: Quota): Decision {
    if (!('insert' in decision)) {
      return decision
    }
    const ending = sessionsToEnd(seen, quota)
    if (ending.length === 0) {
      return decision
    }
    const by = `session ${decision.insert.session.id}`
    const nowMs = this.clock.nowMs()
    const ends = ending.map((session) =>
      this.rules.isOverdue(session)
        ? this.rules.lapse(session)
        : this.rules.end(session, nowMs, { reason: 'superseded', by }),
    )
    return { ...decision, ends }
  }

  /**
   * Ends overdue sessions, which still count towards quotas: those with a deadline, and earlier ones of a user of the
   * commands. Returns whether any may have ended.
   */
  private async makeRoom({
    userId,
    reuse,
  }: Pick<InsertScope, 'userId' | 'reuse'>): Promise<boolean> {
    const { ended } = await this.sweep.drain()
    const hasWalked = reuse !== undefined && (await this.earlier.end(userId))
    return hasWalked || ended > 0
  }
}

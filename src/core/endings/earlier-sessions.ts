import type { EpochClock } from '../epoch.js'
import { StoreDamagedError } from '../errors.js'
import type { Session } from '../session.js'
import { Shared } from '../shared.js'
import { Slots } from '../slots.js'
import type { SessionStore } from '../store.js'
import type { ExpiryRules } from './expiry-rules.js'

/** How many users are remembered, in some 10 MB. A forgotten one is walked again. */
const MAX_USERS = 65_536

/**
 * Sessions that commands opened before this start, of users at their quota. Their deadlines follow the settings of that
 * time, so they may be overdue before the sweep comes. Each user's sessions are walked once: overdue ones end,
 * the others get new deadlines, and from then on the sweep suffices.
 */
export class EarlierSessions {
  private readonly startedAtMs: number
  private readonly walkedUsers = new Set<string>()
  private readonly walks = new Shared<boolean>()
  /** One step at a time, so that a user with few sessions need not wait for one with many. */
  private readonly turn = new Slots(1)

  constructor(
    private readonly store: SessionStore,
    private readonly clock: EpochClock,
    private readonly rules: ExpiryRules,
    private readonly endIfOverdue: (id: string) => Promise<void>,
    private readonly onDamage: (problem: string) => void,
  ) {
    this.startedAtMs = clock.nowMs()
  }

  /** Ends a user's overdue sessions, unless that was done before. Returns whether it walked them. */
  async end(userId: string): Promise<boolean> {
    if (this.walkedUsers.has(userId) || this.clock.isSuspect()) {
      return false
    }
    return this.walks.run(userId, async () => {
      await this.walk(userId)
      this.remember(userId)
      return true
    })
  }

  private async walk(userId: string): Promise<void> {
    const slices = this.store.walkSessions(userId, true, this.onDamage)[Symbol.asyncIterator]()
    const step = async () => {
      const next = await slices.next()
      if (!next.done) {
        await Promise.all(next.value.map((session) => this.attempt(session)))
      }
      return !next.done
    }
    try {
      while (await this.turn.run(step));
    } finally {
      await slices.return?.()
    }
  }

  /** Damage of one session must not keep the user from the room that others leave. */
  private async attempt(session: Session): Promise<void> {
    try {
      await this.endOrRearm(session)
    } catch (error) {
      if (!(error instanceof StoreDamagedError)) {
        throw error
      }
      this.onDamage(error.message)
    }
  }

  private async endOrRearm(session: Session): Promise<void> {
    const { rules } = this
    if (rules.isOverdue(session)) {
      await this.endIfOverdue(session.id)
    } else if (session.token === null && session.openTimeMs <= this.startedAtMs) {
      await this.store.update(
        session.id,
        (current) =>
          current.active ? { session: current, sweepAtMs: rules.sweepAtMs(current) } : null,
        // After a crash all sessions are earlier ones again.
        { durable: false },
      )
    }
  }

  private remember(userId: string): void {
    this.walkedUsers.add(userId)
    const [oldest] = this.walkedUsers
    if (this.walkedUsers.size > MAX_USERS && oldest !== undefined) {
      this.walkedUsers.delete(oldest)
    }
  }
}

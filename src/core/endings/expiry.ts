import type { EpochClock } from '../epoch.js'
import { QuotaError } from '../errors.js'
import type { Session } from '../session.js'
import { Shared } from '../shared.js'
import type { Decision, InsertScope, Seen, SessionStore } from '../store.js'
import { EarlierSessions } from './earlier-sessions.js'
import { ExpiryRules, type ExpirySettings } from './expiry-rules.js'
import { Sweep } from './sweep.js'

/** Internal: the session that a command would find again is overdue. */
class OverdueFound extends Error {
  constructor(readonly sessionId: string) {
    super()
  }
}

/** Ends overdue sessions: by the sweep, or at once if they are in the way of a call. */
export class Expiry {
  readonly rules: ExpiryRules
  readonly sweep: Sweep
  private readonly earlier: EarlierSessions
  private readonly ending = new Shared<void>()

  /** `onDamage`: called for each damage that no caller learns of. */
  constructor(
    private readonly store: SessionStore,
    clock: EpochClock,
    settings: ExpirySettings,
    onDamage: (problem: string) => void = () => {},
  ) {
    this.rules = new ExpiryRules(clock, settings)
    this.sweep = new Sweep(store, clock, this.rules, onDamage)
    const endIfOverdue = (id: string) => this.endIfOverdue(id)
    this.earlier = new EarlierSessions(store, clock, this.rules, endIfOverdue, onDamage)
  }

  endIfOverdue(id: string): Promise<void> {
    const { rules } = this
    return this.ending.run(id, async () => {
      await this.store.update(id, (current) =>
        rules.isOverdue(current) ? rules.end(current, rules.endsAtMs(current)) : null,
      )
    })
  }

  /** Inserts a session. Ends overdue sessions first if they may be in the way. */
  async insert(scope: InsertScope, decide: (seen: Seen) => Decision): Promise<Session> {
    for (let hasMadeRoom = false; ; ) {
      try {
        return await this.store.insert(scope, (seen) => {
          if (seen.reusable !== undefined && this.rules.isOverdue(seen.reusable)) {
            throw new OverdueFound(seen.reusable.id)
          }
          return decide(seen)
        })
      } catch (error) {
        if (error instanceof OverdueFound) {
          await this.endIfOverdue(error.sessionId)
        } else if (error instanceof QuotaError && !hasMadeRoom) {
          hasMadeRoom = await this.makeRoom(scope)
          if (!hasMadeRoom) {
            throw error
          }
        } else {
          throw error
        }
      }
    }
  }

  /**
   * Ends overdue sessions, which still count towards quotas: those with a deadline, and earlier ones of a user of the
   * commands. Returns whether any may have ended.
   */
  private async makeRoom({ userId, reuse }: InsertScope): Promise<boolean> {
    const { ended } = await this.sweep.drain()
    const hasWalked = reuse !== undefined && (await this.earlier.end(userId))
    return hasWalked || ended > 0
  }
}

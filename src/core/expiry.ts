import { type DeadlineSettings, Deadlines } from './deadlines.js'
import type { EpochClock } from './epoch.js'
import { QuotaError } from './errors.js'
import type { Session } from './session.js'
import type { Decision, InsertScope, Seen, SessionStore } from './store.js'
import { Sweep } from './sweep.js'

const PAGE = 100

/** Thrown to itself: a session that a command would find again is past its deadline. */
class OverdueFound extends Error {
  constructor(readonly sessionId: string) {
    super()
  }
}

/** Ends what is past its deadline: by the sweep, or at once where it stands in the way of a call. */
export class Expiry {
  readonly deadlines: Deadlines
  readonly sweep: Sweep

  constructor(
    private readonly store: SessionStore,
    clock: EpochClock,
    settings: DeadlineSettings,
  ) {
    this.deadlines = new Deadlines(clock, settings)
    this.sweep = new Sweep(store, clock, this.deadlines)
  }

  async endIfOverdue(id: string): Promise<void> {
    const { deadlines } = this
    await this.store.update(id, (current) =>
      deadlines.isOverdue(current) ? deadlines.end(current, deadlines.endMs(current)) : null,
    )
  }

  /** Inserts; where what is past its deadline may stand in the way, ends that first. */
  async insert(scope: InsertScope, decide: (seen: Seen) => Decision): Promise<Session> {
    for (let swept = false; ; ) {
      try {
        return await this.store.insert(scope, (seen) => {
          if (seen.reusable !== undefined && this.deadlines.isOverdue(seen.reusable)) {
            throw new OverdueFound(seen.reusable.id)
          }
          return decide(seen)
        })
      } catch (error) {
        if (error instanceof OverdueFound) {
          await this.endIfOverdue(error.sessionId)
        } else if (error instanceof QuotaError && !swept) {
          // Records marked active count, so it may only seem to be reached.
          await this.sweep.run()
          if (scope.reuse !== undefined) {
            await this.endOverdueOf(scope.userId)
          }
          swept = true
        } else {
          throw error
        }
      }
    }
  }

  /** What shorter settings have ended, and the sweep looks at later. Of token sessions the sweep leaves none. */
  private async endOverdueOf(userId: string): Promise<void> {
    for (let skip = 0; ; skip += PAGE) {
      const query = { userId, active: true, skip, take: PAGE, total: false }
      const { sessions } = await this.store.list(query)
      const overdue = sessions.filter((session) => this.deadlines.isOverdue(session))
      await Promise.all(overdue.map(({ id }) => this.endIfOverdue(id)))
      skip -= overdue.length
      if (sessions.length < PAGE) {
        return
      }
    }
  }
}

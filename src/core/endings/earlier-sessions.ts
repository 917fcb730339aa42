import type { EpochClock } from '../epoch.js'
import type { Session } from '../session.js'
import { Shared } from '../shared.js'
import { Slots } from '../slots.js'
import type { SessionStore } from '../store.js'
import type { Deadlines } from './deadlines.js'

/** Users remembered as looked through, some 10 MB. One that is forgotten is looked through again. */
const MAX_USERS = 65_536

/**
 * Sessions that commands opened before this start, of users who come upon their quota. With other settings than now they
 * were armed for other times, so they may be over before the sweep comes to them. Each user is
 * looked through once: what is over ends, the rest is armed anew, and from then on the sweep is enough.
 */
export class EarlierSessions {
  private readonly startMs: number
  private readonly lookedThrough = new Set<string>()
  private readonly looks = new Shared<boolean>()
  /** One step at a time in all: users with few sessions do not wait for one with many. */
  private readonly turn = new Slots(1)

  constructor(
    private readonly store: SessionStore,
    private readonly clock: EpochClock,
    private readonly deadlines: Deadlines,
    private readonly endIfOverdue: (id: string) => Promise<void>,
  ) {
    this.startMs = clock.nowMs()
  }

  /** Ends those of a user that are over, unless it was done before; whether it looked. */
  async end(userId: string): Promise<boolean> {
    if (this.lookedThrough.has(userId) || this.clock.isSuspect()) {
      return false
    }
    return this.looks.run(userId, async () => {
      await this.lookThrough(userId)
      this.remember(userId)
      return true
    })
  }

  private async lookThrough(userId: string): Promise<void> {
    const walk = this.store.walkSessions(userId, true)[Symbol.asyncIterator]()
    const step = async () => {
      const next = await walk.next()
      if (!next.done) {
        await Promise.all(next.value.map((session) => this.look(session)))
      }
      return !next.done
    }
    try {
      while (await this.turn.run(step));
    } finally {
      await walk.return?.()
    }
  }

  private async look(session: Session): Promise<void> {
    const { deadlines } = this
    if (deadlines.isOverdue(session)) {
      await this.endIfOverdue(session.id)
    } else if (session.token === null && session.openTimeMs <= this.startMs) {
      await this.store.update(
        session.id,
        (current) =>
          current.active ? { session: current, dueTimeMs: deadlines.lookMs(current) } : null,
        // After a crash everything is from before the start.
        { durable: false },
      )
    }
  }

  private remember(userId: string): void {
    this.lookedThrough.add(userId)
    const [oldest] = this.lookedThrough
    if (this.lookedThrough.size > MAX_USERS && oldest !== undefined) {
      this.lookedThrough.delete(oldest)
    }
  }
}

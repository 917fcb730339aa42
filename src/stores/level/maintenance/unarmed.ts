import type { Session } from '../../../core/session.js'
import type { SessionDeadline } from '../../../core/store.js'
import { anyDeadlineOf } from '../layout/earlier-keys.js'
import { deadlineKey, RANGES } from '../layout/keys.js'
import { storedDeadline } from '../layout/stored.js'
import type { View } from '../read/view.js'

/** Ids kept in memory, some 10 MB. When full, it walks all deadlines once: some seconds for a million. */
const MAX_UNSURE = 100_000

/**
 * Finds sessions that will end or be purged, but have no deadline that makes the sweep check them in time. Most sessions
 * have theirs at the expected time; for the others it walks all deadlines.
 */
export class Unarmed {
  /** By id: the deadline that the session should have, and the latest deadline that suffices. */
  private readonly unsure = new Map<string, { timeMs: number; latestAtMs: number }>()

  constructor(
    private readonly view: View,
    /** When the sweep is next due for a session (core/endings/expiry-rules.ts); Infinity for never. */
    private readonly dueAtMs: (session: Session) => number,
  ) {}

  /** Checks these sessions. Returns missing deadlines of these and of earlier ones. */
  async check(sessions: readonly Session[]): Promise<SessionDeadline[]> {
    const due = sessions
      .map((session) => ({ session, timeMs: this.dueAtMs(session) }))
      .filter(({ timeMs }) => Number.isSafeInteger(timeMs))
    const found = await this.view.values(
      due.map(({ session: { id }, timeMs }) => deadlineKey({ kind: 'session', timeMs, id })),
    )
    for (const [i, { session, timeMs }] of due.entries()) {
      if (found[i] === undefined) {
        // The server's options move the ends of all sessions except open token sessions.
        const isFixed = session.active && session.token !== null
        const latestAtMs = isFixed ? timeMs : Number.POSITIVE_INFINITY
        this.unsure.set(session.id, { timeMs, latestAtMs })
      }
    }
    return this.unsure.size >= MAX_UNSURE ? this.settle() : []
  }

  /** The missing deadlines that `check` has not returned yet. */
  async settle(): Promise<SessionDeadline[]> {
    if (this.unsure.size > 0) {
      for await (const slice of this.view.rows(RANGES.deadlines)) {
        for (const [key] of slice) {
          this.strike(key)
        }
      }
    }
    const lacking = [...this.unsure].map(
      ([id, { timeMs }]): SessionDeadline => ({ kind: 'session', timeMs, id }),
    )
    this.unsure.clear()
    return lacking
  }

  private strike(key: Buffer): void {
    try {
      const deadline = storedDeadline(key, anyDeadlineOf)
      const wanted = deadline.kind === 'session' ? this.unsure.get(deadline.id) : undefined
      if (deadline.kind === 'session' && wanted && deadline.timeMs <= wanted.latestAtMs) {
        this.unsure.delete(deadline.id)
      }
    } catch {
      // Not a deadline; the check of deadlines reports it.
    }
  }
}

import type { Session } from '../../../core/session.js'
import type { SessionDeadline } from '../../../core/store.js'
import { deadlineKey, RANGES } from '../layout/keys.js'
import { storedDeadline } from '../layout/stored.js'
import type { View } from '../read/view.js'

/** Ids kept in memory, some 10 MB; then all deadlines are walked once, some seconds for a million. */
const MAX_UNSURE = 100_000

/**
 * Finds sessions that end, or are to be purged, and that no deadline would lead the sweep to. Most have
 * theirs where it was armed first; of those that do not, all deadlines are looked through.
 */
export class Unarmed {
  /** By id: the deadline that it should have, and the latest time that one which it has may have. */
  private readonly unsure = new Map<string, { timeMs: number; latestMs: number }>()

  constructor(
    private readonly view: View,
    /** When the sweep must next look at a session, as core/deadlines.ts has it; Infinity for never. */
    private readonly dueAtMs: (session: Session) => number,
  ) {}

  /** Looks at these sessions; returns the deadlines that they, or any looked at before, lack. */
  async check(sessions: readonly Session[]): Promise<SessionDeadline[]> {
    const due = sessions
      .map((session) => ({ session, timeMs: this.dueAtMs(session) }))
      .filter(({ timeMs }) => Number.isSafeInteger(timeMs))
    const found = await this.view.values(
      due.map(({ session: { id }, timeMs }) => deadlineKey({ kind: 'session', timeMs, id })),
    )
    for (const [i, { session, timeMs }] of due.entries()) {
      if (found[i] === undefined) {
        // What the server is started with moves all ends but those of token sessions.
        const isFixed = session.active && session.token !== null
        const latestMs = isFixed ? timeMs : Number.POSITIVE_INFINITY
        this.unsure.set(session.id, { timeMs, latestMs })
      }
    }
    return this.unsure.size >= MAX_UNSURE ? this.settle() : []
  }

  /** The deadlines that are lacking, and that `check` has not returned. */
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
      const deadline = storedDeadline(key)
      const wanted = deadline.kind === 'session' ? this.unsure.get(deadline.id) : undefined
      if (deadline.kind === 'session' && wanted && deadline.timeMs <= wanted.latestMs) {
        this.unsure.delete(deadline.id)
      }
    } catch {
      // It leads nowhere; the check of deadlines tells of it.
    }
  }
}

import { LRUCache } from 'lru-cache'
import type { SessionChange } from '../../../core/events.js'
import type { ByteLevel } from '../byte-level.js'
import type { Row } from '../database.js'
import { requestTimeRange, TALLY_KEY } from '../layout/keys.js'
import { storedTally } from '../layout/stored.js'
import { encodeTally, type Tally } from '../layout/tally.js'
import { count, scan, within } from '../read/scan.js'

const MAX_USERS = 65_536

/** Counts open sessions: of all users, as every commit writes it, and of recent users. */
export class Counts {
  private tally: Tally = { openSessions: 0, commits: 0 }
  /** Sessions that pending writes will open. */
  private opening = 0
  private readonly ofUsers = new LRUCache<string, number>({ max: MAX_USERS })

  /** Resets everything to what is on disk. Returns the number of commits. */
  load(level: ByteLevel): number {
    this.tally = storedTally(level.getSync(TALLY_KEY))
    this.opening = 0
    this.ofUsers.clear()
    return this.tally.commits
  }

  get committed(): number {
    return this.tally.openSessions
  }

  /** Never too few: includes what pending writes open, and ignores what they end. */
  get reserved(): number {
    return this.tally.openSessions + this.opening
  }

  /** undefined: `countOfUser` must count it. */
  ofUser(userId: string): number | undefined {
    return this.ofUsers.get(userId)
  }

  /** The caller must hold the user's lock, so that no session of the user opens or ends meanwhile. */
  async countOfUser(level: ByteLevel, userId: string): Promise<number> {
    const counted = await count(scan(within(level), requestTimeRange({ userId }, true)))
    this.ofUsers.set(userId, counted)
    return counted
  }

  /** Call it for each write that begins. */
  reserve(change: SessionChange): void {
    this.opening += Math.max(openDelta(change), 0)
  }

  /** The counters, and their row, as of a commit with these changes. */
  next(changes: readonly SessionChange[]): { tally: Tally; row: Row } {
    const tally = {
      openSessions: changes.reduce(
        (sum, change) => sum + openDelta(change),
        this.tally.openSessions,
      ),
      commits: this.tally.commits + 1,
    }
    return { tally, row: [TALLY_KEY, encodeTally(tally)] }
  }

  /** Call it when that commit has succeeded. */
  committedAs(tally: Tally, changes: readonly SessionChange[]): void {
    this.tally = tally
    for (const change of changes) {
      const delta = openDelta(change)
      const userId = (change.after ?? change.before)?.userId ?? ''
      const known = delta === 0 ? undefined : this.ofUsers.get(userId)
      this.opening -= Math.max(delta, 0)
      if (known !== undefined) {
        this.ofUsers.set(userId, known + delta)
      }
    }
  }
}

/** By how much a change alters the number of open sessions. */
export function openDelta({ before, after }: SessionChange): -1 | 0 | 1 {
  const was = before?.active ?? false
  const is = after?.active ?? false
  return was === is ? 0 : is ? 1 : -1
}

import { LRUCache } from 'lru-cache'
import type { SessionChange } from '../../../core/events.js'
import type { Session } from '../../../core/session.js'

const MAX_BYTES = 16 * 1024 * 1024
/** The object, its numbers, its token and its place here, beside its texts. */
const OVERHEAD_BYTES = 800
const CHAR_BYTES = 2

/** What a read takes from here, and keeps here. */
export interface Kept {
  get(id: string): Session | undefined
  keep(session: Session): void
}

/**
 * Sessions as reads found them lately, so that the next read need neither fetch nor decode them. A session stays until a
 * commit changes it, or until others push it out.
 */
export class KeptSessions {
  private readonly sessions = new LRUCache<string, Session>({
    maxSize: MAX_BYTES,
    sizeCalculation: sizeOf,
  })
  /** Sessions of the commit that is under way. A snapshot may or may not show it already. */
  private changing: ReadonlySet<string> = new Set()
  /** For each read under way, sessions that its snapshot may show otherwise than the next one. */
  private readonly doubtful = new Set<Set<string>>()

  /** For a read of the current state, while nothing else runs. */
  readonly now: Kept = {
    get: (id) => this.sessions.get(id),
    keep: (session) => {
      if (!this.changing.has(session.id)) {
        this.sessions.set(session.id, session)
      }
    },
  }

  /** Runs a read, which makes its snapshot meanwhile. It gets and keeps only what its snapshot shows. */
  async during<T>(read: (kept: Kept) => Promise<T>): Promise<T> {
    const doubtful = new Set(this.changing)
    this.doubtful.add(doubtful)
    try {
      return await read({
        get: (id) => (doubtful.has(id) ? undefined : this.sessions.get(id)),
        keep: (session) => {
          if (!doubtful.has(session.id)) {
            this.sessions.set(session.id, session)
          }
        },
      })
    } finally {
      this.doubtful.delete(doubtful)
    }
  }

  /** These changes are about to be committed. `committed` follows, or `reset`. */
  committing(changes: readonly SessionChange[]): void {
    this.changing = new Set(changes.map(({ before, after }) => ((after ?? before) as Session).id))
    for (const id of this.changing) {
      this.sessions.delete(id)
      for (const doubtful of this.doubtful) {
        doubtful.add(id)
      }
    }
  }

  committed(): void {
    this.changing = new Set()
  }

  /** The database was reopened, and nobody knows which commit reached it. No read is under way. */
  reset(): void {
    this.sessions.clear()
    this.changing = new Set()
  }
}

function sizeOf({ id, userId, userName, address, client, user, data }: Session): number {
  const names = id.length + userId.length + userName.length + address.length + client.length
  return OVERHEAD_BYTES + CHAR_BYTES * (names + (user?.length ?? 0) + (data?.length ?? 0))
}

import type { ListedSession, Notice } from '../feed/protocol/messages.js'

export type SessionEvent =
  | { readonly type: 'added' | 'updated'; readonly session: ListedSession }
  | { readonly type: 'removed'; readonly session: ListedSession }

/**
 * The sessions that a server lists, across connections. A reset marks the known sessions as stale. They stay until the
 * new connection adds them again or `settle` removes them, so that the list is never empty in between. A session is
 * replaced when it changes, never altered.
 */
export class WatchedSessions {
  readonly sessions = new Map<string, ListedSession>()
  private readonly stale = new Set<string>()

  get isSettled(): boolean {
    return this.stale.size === 0
  }

  reset(): void {
    for (const id of this.sessions.keys()) {
      this.stale.add(id)
    }
  }

  /** Removes the sessions that only earlier connections listed. */
  settle(): SessionEvent[] {
    return Array.from(this.stale, (id) => this.remove(id)).flat()
  }

  apply(notice: Notice): SessionEvent[] {
    switch (notice.command) {
      case 'add':
        return this.put(notice.session)
      case 'remove':
        return this.remove(notice.sessionId)
      case 'update': {
        const { name, activeUsers, joinedUsers } = notice
        return this.change(notice.sessionId, () => ({ name, activeUsers, joinedUsers }))
      }
      case 'add_user':
        return this.change(notice.sessionId, ({ users }) => ({
          users: [...users.filter(({ id }) => id !== notice.user.id), notice.user],
        }))
      case 'remove_user':
        return this.change(notice.sessionId, ({ users }) => ({
          users: users.filter(({ id }) => id !== notice.userId),
        }))
      default:
        return []
    }
  }

  private change(
    id: string,
    parts: (session: ListedSession) => Partial<ListedSession>,
  ): SessionEvent[] {
    const session = this.sessions.get(id)
    return session === undefined ? [] : this.put({ ...session, ...parts(session) })
  }

  private put(session: ListedSession): SessionEvent[] {
    const type = this.sessions.has(session.id) ? 'updated' : 'added'
    this.stale.delete(session.id)
    this.sessions.set(session.id, session)
    return [{ type, session }]
  }

  private remove(id: string): SessionEvent[] {
    const session = this.sessions.get(id)
    this.stale.delete(id)
    this.sessions.delete(id)
    return session === undefined ? [] : [{ type: 'removed', session }]
  }
}

/** What `closeUser` needs: of this process's sessions, or of a remote server's. */
export interface ClosableSessions {
  list(query: { readonly userId: string; readonly active: true }): Promise<{
    readonly sessions: readonly { readonly id: string }[]
  }>
  /** Closes a session. Returns whether this call did so. */
  close(id: string): Promise<boolean>
}

export interface ClosedUser {
  readonly closed: number
  /** Whether no session is left open. */
  readonly isDone: boolean
}

/** Closes the open sessions of a user, page by page: all of them, or at most so many. */
export async function closeUser(
  sessions: ClosableSessions,
  userId: string,
  atMost = Number.POSITIVE_INFINITY,
): Promise<ClosedUser> {
  let closed = 0
  for (;;) {
    const page = await sessions.list({ userId, active: true })
    if (page.sessions.length === 0 || closed >= atMost) {
      return { closed, isDone: page.sessions.length === 0 }
    }
    const wanted = page.sessions.slice(0, atMost - closed)
    const outcomes = await Promise.all(wanted.map(({ id }) => sessions.close(id)))
    closed += outcomes.filter(Boolean).length
  }
}

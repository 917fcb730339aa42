/** What `closeUser` needs: of this process's sessions, or of a remote server's. */
export interface ClosableSessions {
  list(query: { readonly userId: string; readonly active: true }): Promise<{
    readonly sessions: readonly { readonly id: string }[]
  }>
  /** Closes a session. Returns whether this call did so. */
  close(id: string): Promise<boolean>
}

/** Closes every open session of a user, page by page. Returns how many. */
export async function closeUser(sessions: ClosableSessions, userId: string): Promise<number> {
  let closed = 0
  for (;;) {
    const page = await sessions.list({ userId, active: true })
    if (page.sessions.length === 0) {
      return closed
    }
    const outcomes = await Promise.all(page.sessions.map(({ id }) => sessions.close(id)))
    closed += outcomes.filter(Boolean).length
  }
}

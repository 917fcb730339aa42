/** What `closeUser` needs of sessions, whether they are in this process or on a server elsewhere. */
export interface ClosableSessions {
  list(query: { readonly userId: string; readonly active: true }): Promise<{
    readonly sessions: readonly { readonly id: string }[]
  }>
  /** Ends a session. Returns whether this call did so. */
  close(id: string): Promise<boolean>
}

/** Ends every open session of a user, page after page: each takes what it holds out of the list. Returns how many. */
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

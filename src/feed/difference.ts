import type { ListedSession, ListedUser, Notice } from './protocol/messages.js'

/**
 * The notices that turn one listing of a session into another; null if the host changed, so that the session must be
 * removed and added. A changed user is removed and added.
 */
export function difference(before: ListedSession, after: ListedSession): Notice[] | null {
  if (!isSame(before.host, after.host) || before.beginTime !== after.beginTime) {
    return null
  }
  const sessionId = after.id
  const { name, activeUsers, joinedUsers } = after
  const left = missing(before.users, after.users)
  const came = missing(after.users, before.users)
  const isUpdated =
    name !== before.name || activeUsers !== before.activeUsers || joinedUsers !== before.joinedUsers
  return [
    ...left.map(({ id, name }) => ({
      command: 'remove_user' as const,
      sessionId,
      userId: id,
      userName: name,
    })),
    ...came.map((user) => ({ command: 'add_user' as const, sessionId, user })),
    ...(isUpdated
      ? [{ command: 'update' as const, sessionId, name, activeUsers, joinedUsers }]
      : []),
  ]
}

/** The users that `others` does not contain unchanged. */
function missing(users: readonly ListedUser[], others: readonly ListedUser[]): ListedUser[] {
  const byId = new Map(others.map((user) => [user.id, user]))
  return users.filter((user) => {
    const other = byId.get(user.id)
    return other === undefined || !isSame(user, other)
  })
}

function isSame(one: ListedSession['host'], other: ListedSession['host']): boolean {
  return (
    one.name === other.name &&
    one.registrationDate === other.registrationDate &&
    one.isPatron === other.isPatron &&
    one.isMentor === other.isMentor
  )
}

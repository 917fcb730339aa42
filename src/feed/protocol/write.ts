import type { Connect, Dialect, ListedSession, ListedUser, Notice } from './messages.js'

/** A message without its connection id, which goes between `head` and `tail`. */
export interface Frame {
  readonly head: string
  readonly tail: string
}

/** Encodes everything except the connection id, so that one encoding serves all connections. */
export function frameOf(notice: Notice, dialect: Dialect): Frame {
  const tail = parametersOf(notice)
    .map((parameter) => `\n${parameter}`)
    .join('')
  return { head: headOf(notice.command, dialect), tail }
}

function headOf(command: Notice['command'], dialect: Dialect): string {
  if (dialect === 'commands') {
    return `${command}\n`
  }
  switch (command) {
    case 'reset':
    case 'add':
    case 'update':
      return `${command}\n`
    case 'remove':
      return 'reset\n'
    default:
      return ''
  }
}

function parametersOf(notice: Notice): (string | number)[] {
  switch (notice.command) {
    case 'reset':
      return [oneLine(notice.expectedVersion)]
    case 'add':
      return sessionParameters(notice.session)
    case 'update': {
      const { sessionId, name, activeUsers, joinedUsers } = notice
      return [oneLine(sessionId), oneLine(name), activeUsers, joinedUsers]
    }
    case 'remove':
      return [oneLine(notice.sessionId)]
    case 'add_user':
      return [oneLine(notice.sessionId), ...userFields(notice.user)]
    case 'remove_user':
      return [notice.sessionId, notice.userId, notice.userName].map(oneLine)
    case 'error':
      return [oneLine(notice.message)]
  }
}

function sessionParameters(session: ListedSession): (string | number)[] {
  const { host, users } = session
  return [
    oneLine(session.id),
    session.activeUsers,
    session.joinedUsers,
    oneLine(host.name),
    host.registrationDate,
    `${host.isPatron}`,
    `${host.isMentor}`,
    oneLine(session.name),
    session.beginTime,
    users.flatMap(userFields).join('\r'),
  ]
}

function userFields(user: ListedUser): string[] {
  const { id, name, registrationDate, isPatron, isMentor } = user
  return [oneLine(id), oneLine(name), registrationDate, `${isPatron}`, `${isMentor}`]
}

export function encodeConnect({ userId, userName, version }: Connect): string {
  return ['connect', userId, userName, version].map(oneLine).join('\n')
}

/** Replaces line ends by spaces, so that a value cannot forge another parameter. */
export function oneLine(value: string): string {
  return value.replace(/[\r\n]/g, ' ')
}

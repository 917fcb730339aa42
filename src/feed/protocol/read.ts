import {
  type Connect,
  type Dialect,
  FeedProtocolError,
  type ListedSession,
  type ListedUser,
  type Notice,
} from './messages.js'

/** The longest parameter of `connect`, in UTF-16 units. */
const MAX_CONNECT_PARAMETER = 256
/** The longest message of a server, in UTF-16 units. The longest user array is far shorter. */
const MAX_NOTICE = 4 * 1024 * 1024
const USER_FIELDS = 5
const RFC_3339_UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|\+00:00)$/

export interface Received {
  readonly connectionId: number
  readonly notice: Notice
}

/**
 * Reads a message of the server. In the printed dialect the first message of a connection is the reset, and every
 * later `reset` is a removal. Throws FeedProtocolError.
 */
export function decodeNotice(text: string, dialect: Dialect, isFirst: boolean): Received {
  if (text.length > MAX_NOTICE) {
    throw new FeedProtocolError(`the message is longer than ${MAX_NOTICE}`)
  }
  const lines = text.split('\n')
  const command = dialect === 'commands' ? (lines.shift() ?? '') : takeCommand(lines, isFirst)
  const connectionId = int32(lines.shift())
  return { connectionId, notice: readNotice(command, lines) }
}

/** The command of a printed message. If it has none, the number of parameters tells. */
function takeCommand(lines: string[], isFirst: boolean): string {
  const [first = ''] = lines
  if (first === 'reset' || first === 'add' || first === 'update') {
    lines.shift()
    return first === 'reset' && !isFirst ? 'remove' : first
  }
  const commands: Readonly<Record<number, string>> = { 2: 'error', 4: 'remove_user', 7: 'add_user' }
  return commands[lines.length] ?? ''
}

function readNotice(command: string, lines: readonly string[]): Notice {
  const [sessionId = '', second = ''] = lines
  switch (command) {
    case 'reset':
      expectCount(command, lines, 1)
      return { command, expectedVersion: sessionId }
    case 'add':
      expectCount(command, lines, 10)
      return { command, session: readSession(lines) }
    case 'update':
      expectCount(command, lines, 4)
      return {
        command,
        sessionId,
        name: second,
        activeUsers: int32(lines[2]),
        joinedUsers: int32(lines[3]),
      }
    case 'remove':
      expectCount(command, lines, 1)
      return { command, sessionId }
    case 'add_user':
      expectCount(command, lines, 1 + USER_FIELDS)
      return { command, sessionId, user: readUser(lines.slice(1)) }
    case 'remove_user':
      expectCount(command, lines, 3)
      return { command, sessionId, userId: second, userName: lines[2] ?? '' }
    case 'error':
      expectCount(command, lines, 1)
      return { command, message: sessionId }
    default:
      throw new FeedProtocolError('the message has no known command')
  }
}

function readSession(lines: readonly string[]): ListedSession {
  const [id = '', active, joined, hostName = '', registered, patron, mentor, name = ''] = lines
  return {
    id,
    name,
    host: {
      name: hostName,
      registrationDate: time(registered),
      isPatron: bool(patron),
      isMentor: bool(mentor),
    },
    activeUsers: int32(active),
    joinedUsers: int32(joined),
    beginTime: time(lines[8]),
    users: readUsers(lines[9] ?? ''),
  }
}

function readUsers(array: string): ListedUser[] {
  const fields = array === '' ? [] : array.split('\r')
  if (fields.length % USER_FIELDS !== 0) {
    throw new FeedProtocolError(`the user array has ${fields.length} fields`)
  }
  return Array.from({ length: fields.length / USER_FIELDS }, (_, i) =>
    readUser(fields.slice(i * USER_FIELDS, (i + 1) * USER_FIELDS)),
  )
}

function readUser([id = '', name = '', registered, patron, mentor]: readonly string[]): ListedUser {
  return {
    id,
    name,
    registrationDate: time(registered),
    isPatron: bool(patron),
    isMentor: bool(mentor),
  }
}

/** Reads a message of a client. Throws FeedProtocolError. */
export function decodeConnect(text: string): Connect {
  const [command, ...lines] = text.split('\n')
  if (command !== 'connect') {
    throw new FeedProtocolError('the only command of a client is connect')
  }
  expectCount('connect', lines, 3)
  if (lines.some((line) => line.length > MAX_CONNECT_PARAMETER)) {
    throw new FeedProtocolError(`connect: a parameter is longer than ${MAX_CONNECT_PARAMETER}`)
  }
  const [userId = '', userName = '', version = ''] = lines
  return { userId, userName, version }
}

function expectCount(command: string, lines: readonly string[], count: number): void {
  if (lines.length !== count) {
    throw new FeedProtocolError(`${command}: has ${lines.length} parameters instead of ${count}`)
  }
}

function int32(text = ''): number {
  const value = Number(text)
  if (!/^(0|-?[1-9]\d{0,9})$/.test(text) || (value | 0) !== value) {
    throw new FeedProtocolError('a parameter is not a 32-bit number')
  }
  return value
}

function bool(text = ''): boolean {
  if (text !== 'true' && text !== 'false') {
    throw new FeedProtocolError('a parameter is neither true nor false')
  }
  return text === 'true'
}

function time(text = ''): string {
  if (!RFC_3339_UTC.test(text) || Number.isNaN(Date.parse(text))) {
    throw new FeedProtocolError('a parameter is not a time in UTC (RFC 3339)')
  }
  return text
}

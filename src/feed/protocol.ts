/**
 * The messages of the session list, as text. A message is a list of parameters with a newline
 * between any two; the first one is its command, the second the id of the connection.
 *
 * The published page leaves out three command lines and prints `reset` for a removal. The dialect
 * `commands` has a command in every message; `printed` is that page to the letter.
 */
export type Dialect = 'commands' | 'printed'

export interface ListedUser {
  readonly id: string
  readonly name: string
  /** RFC 3339, UTC. */
  readonly registrationDate: string
  readonly isPatron: boolean
  readonly isMentor: boolean
}

export interface ListedSession {
  readonly id: string
  readonly name: string
  readonly host: Omit<ListedUser, 'id'>
  readonly activeUsers: number
  readonly joinedUsers: number
  /** RFC 3339, UTC. */
  readonly beginTime: string
  readonly users: readonly ListedUser[]
}

/** What the server tells a client. */
export type Notice =
  /** Forget every session of another connection than this one. */
  | { readonly command: 'reset'; readonly expectedVersion: string }
  | { readonly command: 'add'; readonly session: ListedSession }
  | ({ readonly command: 'update'; readonly sessionId: string } & SessionDetails)
  | { readonly command: 'remove'; readonly sessionId: string }
  | { readonly command: 'add_user'; readonly sessionId: string; readonly user: ListedUser }
  | {
      readonly command: 'remove_user'
      readonly sessionId: string
      readonly userId: string
      readonly userName: string
    }
  | { readonly command: 'error'; readonly message: string }

/** What an `update` carries. */
export type SessionDetails = Pick<ListedSession, 'name' | 'activeUsers' | 'joinedUsers'>

/** What a client tells the server, for its usage metrics. */
export interface Connect {
  readonly userId: string
  readonly userName: string
  readonly version: string
}

/** A text that is not a message of the protocol. */
export class FeedProtocolError extends Error {}

/** Length of a parameter of `connect`, in UTF-16 units. */
const MAX_CONNECT_PARAMETER = 256
/** Length of a message of the server's, in UTF-16 units: the longest user array is far below. */
const MAX_NOTICE = 4 * 1024 * 1024
const USER_FIELDS = 5
const RFC_3339_UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|\+00:00)$/

/** A message without the connection id, which belongs between `head` and `tail`. */
export interface Frame {
  readonly head: string
  readonly tail: string
}

/** Encodes everything but the connection id, so that one encoding serves every connection. */
export function frameOf(notice: Notice, dialect: Dialect): Frame {
  const tail = parametersOf(notice)
    .map((parameter) => `\n${parameter}`)
    .join('')
  return { head: headOf(notice.command, dialect), tail }
}

/** `connectionId` is an i32. */
export function encodeNotice(notice: Notice, connectionId: number, dialect: Dialect): string {
  const { head, tail } = frameOf(notice, dialect)
  return `${head}${connectionId}${tail}`
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

/** A value must not end its own parameter: what would is a space. */
export function oneLine(value: string): string {
  return value.replace(/[\r\n]/g, ' ')
}

export interface Received {
  readonly connectionId: number
  readonly notice: Notice
}

/**
 * Reads a message of the server's. In the printed dialect the first message of a connection is the
 * reset, and every later `reset` a removal. Throws FeedProtocolError.
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

/** The command of a printed message: where there is none, the number of parameters tells. */
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

export function encodeConnect({ userId, userName, version }: Connect): string {
  return ['connect', userId, userName, version].map(oneLine).join('\n')
}

/** Throws FeedProtocolError. */
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

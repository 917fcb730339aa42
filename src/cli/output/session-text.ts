import type { SessionInfo } from '../../client/index.js'
import { oneLineJson } from '../../core/commands/json-text.js'
import { sessionV1Members } from '../../core/commands/session-v1.js'
import { ownerName, ownerOfText } from '../../core/owner-text.js'
import { snakeJson } from '../../core/snake-case.js'
import { isoText } from '../../core/time-text.js'
import { printableJson, table } from './printable.js'

/** A session as JSON on one line: SessionV1 of the newer dialect, and what that has no fields for. */
export function sessionJson(session: SessionInfo<string>): string {
  const { kind, expiresAtMs, ending, user, data } = session
  const more = snakeJson({ kind, expireTime: instantOrNull(expiresAtMs), ending })
  return printableJson(
    `{${sessionV1Members(session)},${more.slice(1, -1)},"user":${oneLineJson(user)},"data":${oneLineJson(data)}}`,
  )
}

/** One session, one line for each of its parts. */
export function sessionLines(session: SessionInfo<string>): string {
  const rows = [
    ['session', session.id],
    ['kind', session.kind ?? ''],
    ['user', session.userId],
    ['name', nameOf(session)],
    ['state', stateText(session)],
    ['opened', isoText(session.openTimeMs)],
    ['last request', isoText(session.requestTimeMs)],
    ['expires', session.active ? expiryText(session) : ''],
    ['address', session.address],
    ['client', session.client],
    ['user data', session.user ?? ''],
    ['session data', session.data ?? ''],
  ] as const
  return table(rows.filter(([, value]) => value !== ''))
}

/** A table with one line for each session. */
export function sessionTable(sessions: readonly SessionInfo[]): string {
  const head = [
    ...['SESSION', 'KIND', 'USER', 'STATE', 'OPENED', 'LAST REQUEST', 'EXPIRES'],
    ...['ADDRESS', 'CLIENT'],
  ]
  const rows = sessions.map((session) => [
    session.id,
    session.kind ?? '-',
    nameOf(session) === '' ? session.userId : `${session.userId} (${nameOf(session)})`,
    session.active ? 'open' : (session.ending?.reason ?? 'ended'),
    isoText(session.openTimeMs),
    isoText(session.requestTimeMs),
    session.active ? expiryText(session) : '-',
    session.address,
    session.client,
  ])
  return table([head, ...rows])
}

/** The user's name; of a token session the name that its owner's id spells, if any. */
function nameOf({ kind, userId, userName }: SessionInfo): string {
  const owner = kind === 'token' ? ownerOfText(userId) : null
  return userName || (owner && ownerName(owner)) || ''
}

/** `1 session`, `2 sessions` */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${count === 1 ? noun : `${noun}s`}`
}

/** `open`, or when the session ended, why, and by whom. */
export function stateText({ closeTimeMs, ending }: SessionInfo): string {
  if (closeTimeMs === null) {
    return 'open'
  }
  const by = ending?.by ? ` by ${ending.by}` : ''
  const why = ending === null ? '' : ` (${ending.reason}${by})`
  return `ended ${isoText(closeTimeMs)}${why}`
}

/** A server that does not tell the kind does not tell the expiry either. */
function expiryText({ kind, expiresAtMs }: SessionInfo): string {
  return `${instantOrNull(expiresAtMs) ?? (kind === null ? 'unknown' : 'never')}`
}

/** A lifetime without end lies beyond the range of Date: that stays a number. */
export function instantOrNull(timeMs: number | null): string | number | null {
  return timeMs === null || Number.isNaN(new Date(timeMs).getTime()) ? timeMs : isoText(timeMs)
}

import type { SessionInfo } from '../client/index.js'
import { sessionV1Json } from '../core/commands/session-v1.js'
import { isoText } from '../core/time-text.js'
import { printableJson, table } from './printable.js'

/** A session as JSON on one line: SessionV1 of the newer dialect. */
export function sessionJson(session: SessionInfo): string {
  return printableJson(sessionV1Json(session))
}

/** One session, one line for each of its parts. */
export function sessionLines(session: SessionInfo): string {
  const rows = [
    ['session', session.id],
    ['user', session.userId],
    ['name', session.userName],
    ['state', stateText(session)],
    ['opened', isoText(session.openTimeMs)],
    ['last request', isoText(session.requestTimeMs)],
    ['address', session.address],
    ['client', session.client],
    ['user data', session.user ?? ''],
    ['session data', session.data ?? ''],
  ]
  return table(rows.filter(([, value]) => value !== ''))
}

/** A table with one line for each session. */
export function sessionTable(sessions: readonly SessionInfo[]): string {
  const head = ['SESSION', 'USER', 'STATE', 'OPENED', 'LAST REQUEST', 'ADDRESS', 'CLIENT']
  const rows = sessions.map((session) => [
    session.id,
    session.userName === '' ? session.userId : `${session.userId} (${session.userName})`,
    session.active ? 'open' : 'ended',
    isoText(session.openTimeMs),
    isoText(session.requestTimeMs),
    session.address,
    session.client,
  ])
  return table([head, ...rows])
}

export function stateText({ closeTimeMs }: SessionInfo): string {
  return closeTimeMs === null ? 'open' : `ended ${isoText(closeTimeMs)}`
}

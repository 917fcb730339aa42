import type { SessionInfo } from '../client/index.js'
import { oneLineJson } from '../core/commands/json-text.js'
import { printableJson, table } from './printable.js'

/** A session as JSON on one line, in the shape of the newer dialect's SessionV1. */
export function sessionJson(session: SessionInfo): string {
  const json = JSON.stringify({
    id: session.id,
    user_id: session.userId,
    user_name: session.userName,
    active: session.active,
    open_time: timeText(session.openTimeMs),
    request_time: timeText(session.requestTimeMs),
    close_time: session.closeTimeMs === null ? null : timeText(session.closeTimeMs),
    address: session.address,
    client: session.client,
  })
  // Their text as it is: parsed and written again, it would lose digits of large numbers.
  const [user, data] = [oneLineJson(session.user), oneLineJson(session.data)]
  return printableJson(`${json.slice(0, -1)},"user":${user},"data":${data}}`)
}

/** Everything about one session, a line each. */
export function sessionLines(session: SessionInfo): string {
  const rows = [
    ['session', session.id],
    ['user', session.userId],
    ['name', session.userName],
    ['state', stateText(session)],
    ['opened', timeText(session.openTimeMs)],
    ['last request', timeText(session.requestTimeMs)],
    ['address', session.address],
    ['client', session.client],
    ['user data', session.user ?? ''],
    ['session data', session.data ?? ''],
  ]
  return table(rows.filter(([, value]) => value !== ''))
}

/** One line a session. */
export function sessionTable(sessions: readonly SessionInfo[]): string {
  const head = ['SESSION', 'USER', 'STATE', 'OPENED', 'LAST REQUEST', 'ADDRESS', 'CLIENT']
  const rows = sessions.map((session) => [
    session.id,
    session.userName === '' ? session.userId : `${session.userId} (${session.userName})`,
    session.active ? 'open' : 'ended',
    timeText(session.openTimeMs),
    timeText(session.requestTimeMs),
    session.address,
    session.client,
  ])
  return table([head, ...rows])
}

export function stateText({ closeTimeMs }: SessionInfo): string {
  return closeTimeMs === null ? 'open' : `ended ${timeText(closeTimeMs)}`
}

function timeText(timeMs: number): string {
  return new Date(timeMs).toISOString()
}

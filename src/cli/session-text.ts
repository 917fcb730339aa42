import type { SessionInfo } from '../client/index.js'
import { oneLineJson } from '../core/commands/json-text.js'

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

/** Characters that could rewrite what stands around them on a terminal: control and formatting ones. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/** What callers and servers named themselves, or say, safe to print: such characters by their number. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`)
}

/** JSON text on one line, which reads the same and is safe to print. */
export function printableJson(json: string): string {
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
  return json.replace(UNPRINTABLE, (char) => char.split('').map(escaped).join(''))
}

/** A value as such JSON. */
export function jsonLine(value: unknown): string {
  return printableJson(JSON.stringify(value))
}

export function table(rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map(printable))
  const widths = cells.reduce<number[]>(
    (widest, row) => row.map((cell, i) => Math.max(cell.length, widest[i] ?? 0)),
    [],
  )
  return cells
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function timeText(timeMs: number): string {
  return new Date(timeMs).toISOString()
}

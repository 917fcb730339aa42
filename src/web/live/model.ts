import type { WatchedSession } from '../../client/watch.js'

export const SORT_ORDERS = {
  newest: 'Newest first',
  oldest: 'Oldest first',
  name: 'Name',
  host: 'Host',
  active: 'Most active users',
} as const

export type SortOrder = keyof typeof SORT_ORDERS

export interface Totals {
  readonly sessions: number
  readonly activeUsers: number
  readonly joinedUsers: number
}

/** What sessions are searched and sorted by. */
interface Keys {
  /** Numbers in it sort by value. */
  readonly name: string
  readonly host: string
  readonly beganAtMs: number
  /** Built by the first search, because it is long if there are many users. */
  text?: string
}

// Sessions are immutable, so their keys are built once.
const known = new WeakMap<WatchedSession, Keys>()

/** Without case and accents, so that "zoe" finds "Zoë". */
function fold(text: string): string {
  return text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase()
}

const sortable = (text: string) => fold(text).replace(/\d+/g, (digits) => digits.padStart(16, '0'))

function keysOf(session: WatchedSession): Keys {
  let keys = known.get(session)
  if (keys === undefined) {
    keys = {
      name: sortable(session.name),
      host: sortable(session.host.name),
      beganAtMs: Date.parse(session.beginTime) || 0,
    }
    known.set(session, keys)
  }
  return keys
}

function textOf(session: WatchedSession): string {
  const keys = keysOf(session)
  keys.text ??= fold(
    [
      ...[session.name, session.host.name, session.id],
      ...session.users.flatMap((user) => [user.name, user.id]),
    ].join('\n'),
  )
  return keys.text
}

const ascending = (a: string | number, b: string | number) => (a < b ? -1 : a > b ? 1 : 0)

const COMPARE: Record<SortOrder, (a: WatchedSession, b: WatchedSession) => number> = {
  newest: (a, b) => keysOf(b).beganAtMs - keysOf(a).beganAtMs,
  oldest: (a, b) => keysOf(a).beganAtMs - keysOf(b).beganAtMs,
  name: (a, b) => ascending(keysOf(a).name, keysOf(b).name),
  host: (a, b) => ascending(keysOf(a).host, keysOf(b).host),
  active: (a, b) => b.activeUsers - a.activeUsers || b.joinedUsers - a.joinedUsers,
}

/**
 * The sessions that match every word of the query by name, host, id or user, in this order. Equal ones are ordered by
 * id, so that rows never swap places by chance.
 */
export function select(
  sessions: Iterable<WatchedSession>,
  query: string,
  order: SortOrder,
): WatchedSession[] {
  const words = fold(query).split(/\s+/).filter(Boolean)
  const found = [...sessions].filter((session) => {
    return words.length === 0 || words.every((word) => textOf(session).includes(word))
  })
  const compare = COMPARE[order]
  return found.sort((a, b) => compare(a, b) || ascending(a.id, b.id))
}

export function totalsOf(sessions: Iterable<WatchedSession>): Totals {
  const totals = { sessions: 0, activeUsers: 0, joinedUsers: 0 }
  for (const { activeUsers, joinedUsers } of sessions) {
    totals.sessions += 1
    totals.activeUsers += activeUsers
    totals.joinedUsers += joinedUsers
  }
  return totals
}

import { isJsonObject } from '../core/commands/json-text.js'
import { ownerName } from '../core/owner-text.js'
import type { Session } from '../core/session.js'
import { isoText, timeMsOf } from '../core/time-text.js'
import type { ListedSession, ListedUser } from './protocol/messages.js'
import { oneLine } from './protocol/write.js'

/** The years that RFC 3339 can write: 0000 to 9999. */
const MIN_TIME_MS = Date.parse('0000-01-01T00:00:00Z')
const MAX_TIME_MS = Date.parse('9999-12-31T23:59:59.999Z')

type Json = Readonly<Record<string, unknown>>

/** What viewers see of an open session. Never throws: `user` and `data` may be any JSON. */
export function listingOf(session: Session): ListedSession {
  const about = jsonObject(session.user)
  const data = jsonObject(session.data)
  const { token, userId, userName } = session
  const host = {
    name: userName || (token && ownerName(token.owner)) || userId,
    ...profileOf(about, session.openTimeMs),
  }
  const joined = joinedUsers(data.users, session.openTimeMs)
  const users = joined?.users ?? [{ id: userId, ...host }]
  return {
    id: session.id,
    name: nonEmptyText(data.session_name) ?? session.client,
    host,
    activeUsers: joined?.active ?? users.length,
    joinedUsers: users.length,
    beginTime: timeText(session.openTimeMs),
    users,
  }
}

/** Whether both have the same listing. Most changes only move the last request. */
export function isListedAlike(one: Session, other: Session): boolean {
  return (
    one.userName === other.userName &&
    one.user === other.user &&
    one.data === other.data &&
    one.active === other.active
  )
}

/** null if `value` is not a list of users. Skips entries without an id or with one that was there before. */
function joinedUsers(
  value: unknown,
  openTimeMs: number,
): { users: ListedUser[]; active: number } | null {
  if (!Array.isArray(value)) {
    return null
  }
  const users = new Map<string, ListedUser>()
  let active = 0
  for (const item of value) {
    const fields = isJsonObject(item) ? item : {}
    // Compared as viewers see them.
    const id = oneLine(nonEmptyText(fields.user_id) ?? '')
    if (id !== '' && !users.has(id)) {
      const name = nonEmptyText(fields.username) ?? id
      users.set(id, { id, name, ...profileOf(fields, openTimeMs) })
      active += fields.active === false ? 0 : 1
    }
  }
  return { users: [...users.values()], active }
}

function profileOf(fields: Json, openTimeMs: number) {
  return {
    registrationDate: timeText(shownTimeMs(fields.registration_date) ?? openTimeMs),
    isPatron: fields.is_patron === true,
    isMentor: fields.is_mentor === true,
  }
}

function jsonObject(text: string | null): Json {
  try {
    const value: unknown = text === null ? null : JSON.parse(text)
    return isJsonObject(value) ? value : {}
  } catch {
    return {} // An imported record may hold other text.
  }
}

function nonEmptyText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** undefined if RFC 3339 cannot write it. */
function shownTimeMs(value: unknown): number | undefined {
  const ms = timeMsOf(value)
  return ms !== undefined && ms >= MIN_TIME_MS && ms <= MAX_TIME_MS ? ms : undefined
}

function timeText(ms: number): string {
  return isoText(Math.min(Math.max(ms, MIN_TIME_MS), MAX_TIME_MS))
}

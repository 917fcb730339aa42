import { utf8Length } from '../../core/bytes.js'
import {
  checkClient,
  checkDataSize,
  checkName,
  checkRequired,
} from '../../core/commands/arguments.js'
import { InvalidFieldError, MissingFieldError } from '../../core/errors.js'
import type { Session } from '../../core/session.js'
import { readTimeMs } from '../../core/time-text.js'
import { isObject, type SessionRecord } from './document.js'
import { ExactNumber, exactJsonText } from './exact-json.js'

const MAX_ID_BYTES = 64
const LONE_SURROGATE = /\p{Surrogate}/u

/**
 * A session from its record in either dialect's shape: the older one has `opened` and `last_request`, and
 * its user's id in `user` or `user_id`; the newer one is SessionV1. Throws MissingFieldError or
 * InvalidFieldError, which name what is at fault.
 */
export function importedSession(
  record: SessionRecord,
  nowMs: number,
  maxDataBytes: number,
): Session {
  const isOlder = 'opened' in record
  if (!isOlder && !('open_time' in record)) {
    throw new MissingFieldError('open_time (or opened)')
  }
  const olderUser = isOlder && isObject(record.user) ? record.user : {}
  const time = (field: string, fallbackMs?: number) => pastTimeMs(record, field, nowMs, fallbackMs)
  const openTimeMs = time(isOlder ? 'opened' : 'open_time')
  const lastRequestTimeMs = time(isOlder ? 'last_request' : 'request_time', openTimeMs)
  const requestTimeMs = Math.max(openTimeMs, lastRequestTimeMs)
  const hasEnded = record.close_time !== undefined && record.close_time !== null
  const active = record.active ?? !hasEnded
  if (typeof active !== 'boolean') {
    throw new InvalidFieldError('active', 'is neither true nor false')
  }
  const session = {
    id: text(record, 'id'),
    userId: text(record, 'user_id', isOlder ? text(olderUser, 'id', '') : ''),
    userName: text(record, 'user_name', isOlder ? text(olderUser, 'name', '') : ''),
    active,
    openTimeMs,
    requestTimeMs,
    closeTimeMs: active ? null : time('close_time', requestTimeMs),
    address: text(record, 'address', ''),
    client: text(record, 'client', ''),
    user: active ? json(record.user) : null,
    data: active ? json(record.data) : null,
    token: null,
    ending: null,
  }
  check(session, maxDataBytes)
  return session
}

function check(session: Session, maxDataBytes: number): void {
  const { id, userId, userName, address, client, user, data } = session
  checkRequired('id', id)
  if (utf8Length(id) > MAX_ID_BYTES) {
    throw new InvalidFieldError('id', `has ${utf8Length(id)} bytes; it may have ${MAX_ID_BYTES}`)
  }
  checkRequired('user_id', userId)
  checkName('user_name', userName)
  checkName('address', address)
  checkClient(client)
  checkDataSize(user, data, maxDataBytes)
}

function text(record: SessionRecord, field: string, fallback?: string): string {
  const value = record[field] ?? fallback
  if (value === undefined) {
    throw new MissingFieldError(field)
  }
  if (typeof value !== 'string') {
    throw new InvalidFieldError(field, 'is not a text')
  }
  // UTF-8 cannot encode one: two strings that differ only here would be equal in the store.
  if (LONE_SURROGATE.test(value)) {
    throw new InvalidFieldError(field, 'has half of a surrogate pair')
  }
  return value
}

/** Refuses times in the future: such a session would stay at the top of every list. */
function pastTimeMs(
  record: SessionRecord,
  field: string,
  nowMs: number,
  fallbackMs?: number,
): number {
  const value = record[field] ?? undefined
  if (value === undefined) {
    if (fallbackMs === undefined) {
      throw new MissingFieldError(field)
    }
    return fallbackMs
  }
  const ms = readTimeMs(field, value instanceof ExactNumber ? Number(value.text) : value)
  if (ms < 0 || ms > nowMs) {
    throw new InvalidFieldError(field, ms < 0 ? 'is before 1970' : 'lies in the future')
  }
  return ms
}

function json(value: unknown): string | null {
  return value === undefined || value === null ? null : exactJsonText(value)
}

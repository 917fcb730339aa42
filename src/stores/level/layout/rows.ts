import { deadlineOfEnding } from '../../../core/endings/session-endings.js'
import type { EpochSettings } from '../../../core/epoch.js'
import type { SessionChange } from '../../../core/events.js'
import { isSealed, type Session, type SessionEnding } from '../../../core/session.js'
import type { IdempotencyScope, NewSession } from '../../../core/store.js'
import { encodeEntry, encodeSession } from '../../rows/codec.js'
import { encodeEnding } from '../../rows/ending.js'
import { KEY_ONLY, type Row } from '../database.js'
import { deadlineKey, endingKey, entryKey, indexKeys, sealKey, sessionKey } from './keys.js'

/** The rows that a change writes and deletes: record, indexes, and the seal of a session that ends. */
export function changeRows({ before, after }: SessionChange): Row[] {
  if (before === null && after !== null) {
    return newRows(after)
  }
  const rows: Row[] = []
  if (after === before && after?.active) {
    // Only a deadline changes. An ended session is rewritten: an earlier release may have left user and data in it.
    return rows
  }
  const old = before === null ? [] : indexKeys(before)
  const now = after === null ? [] : indexKeys(after)
  for (const key of old) {
    if (!now.some((other) => other.equals(key))) {
      rows.push([key, null])
    }
  }
  for (const key of now) {
    if (!old.some((other) => other.equals(key))) {
      rows.push([key, KEY_ONLY])
    }
  }
  if (after !== null) {
    rows.push([sessionKey(after.id), encodeSession(after)])
  } else if (before !== null) {
    rows.push([sessionKey(before.id), null])
  }
  if (before !== null && isSealed(before) && !after?.active) {
    rows.push([sealKey(before.id), null])
  }
  return rows
}

function newRows(session: Session): Row[] {
  const [byTime, byUser] = indexKeys(session)
  return [
    [byTime, KEY_ONLY],
    [byUser, KEY_ONLY],
    [sessionKey(session.id), encodeSession(session)],
  ]
}

/** The rows of a new session, with its seal, idempotency entry and deadlines. */
export function insertRows(
  { session, seal, sweepAtMs, idempotency }: NewSession,
  scope: IdempotencyScope | undefined,
): Row[] {
  const rows = newRows(session)
  if (seal !== undefined && session.active) {
    rows.push([sealKey(session.id), seal])
  }
  if (idempotency === undefined || scope === undefined) {
    rows.push(...dueRows(session, sweepAtMs))
    return rows
  }
  const key = entryKey(scope)
  const timeMs = idempotency.expiresTimeMs
  rows.push([key, encodeEntry({ ...idempotency, sessionId: session.id })])
  if (timeMs === sweepAtMs && mayShare(session)) {
    rows.push([deadlineKey({ kind: 'session', timeMs, id: session.id }), key])
  } else {
    rows.push(...dueRows(session, sweepAtMs))
    rows.push([deadlineKey({ kind: 'idempotency', timeMs, scope }), KEY_ONLY])
  }
  return rows
}

/** Whether an entry may share a deadline of the session: those of others are armed anew without a look at the row. */
export function mayShare({ token }: Session): boolean {
  return token !== null
}

/** The row of a session's deadline; none without one. */
export function dueRows({ id }: Session, timeMs: number | undefined): Row[] {
  return timeMs === undefined ? [] : [[deadlineKey({ kind: 'session', timeMs, id }), KEY_ONLY]]
}

/** The rows of an ending: itself, and the deadline at which it is forgotten. `commit`: as in `endingKey`. */
export function endingRows(ending: SessionEnding, commit: number, epochs: EpochSettings): Row[] {
  const key = endingKey(commit, ending.id)
  return [
    [key, encodeEnding(ending)],
    [deadlineKey(deadlineOfEnding(ending, epochs)), key],
  ]
}

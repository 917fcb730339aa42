import { StoreDamagedError } from '../../../core/errors.js'
import type { Session, SessionEnding } from '../../../core/session.js'
import type { Deadline, IdempotencyScope } from '../../../core/store.js'
import { decodeEntry, decodeSession, type StoredEntry } from '../../rows/codec.js'
import { decodeEnding } from '../../rows/ending.js'
import { attempt, quoted, readRecord, unreadable } from '../../rows/record.js'
import { anyDeadlineOf, anyScopeOf } from './earlier-keys.js'
import { deadlineOf, idOf, idOfEnding, keyInDeadline, sessionKey } from './keys.js'
import { rowName } from './row-name.js'
import { decodeTally, type Tally } from './tally.js'

/*
 * Decodes rows, and rejects what the store cannot have written: all throw StoreDamagedError.
 */

export function storedSession(key: Buffer, record: Uint8Array): Session {
  const id = idOf(key)
  const session = readRecord(record, `session ${quoted(id)}`)
  if (!sessionKey(session.id).equals(key)) {
    throw new StoreDamagedError(
      `session ${quoted(id)}: its record is one of session ${quoted(session.id)}`,
    )
  }
  return session
}

/** The same for hot paths: relies on the record's checksum instead of checking its values. */
export function checkedSession(key: Buffer, record: Uint8Array): Session {
  try {
    return decodeSession(record)
  } catch (cause) {
    throw unreadable(rowName(key), cause)
  }
}

const ENTRY = 'an idempotency key'

/** Its key may be that of an earlier layout. */
export function storedEntry(
  key: Buffer,
  value: Uint8Array,
): { scope: IdempotencyScope; entry: StoredEntry } {
  return { scope: attempt(ENTRY, () => anyScopeOf(key)), entry: checkedEntry(value) }
}

/** The same without its scope, which whoever looked it up knows. */
export function checkedEntry(value: Uint8Array): StoredEntry {
  return attempt(ENTRY, () => decodeEntry(value))
}

export function storedDeadline(key: Buffer, read = deadlineOf): Deadline {
  const deadline = attempt('a deadline', () => read(key))
  if (!Number.isSafeInteger(deadline.timeMs)) {
    throw new StoreDamagedError('a deadline is not whole')
  }
  return deadline
}

/** The ending of a session. */
export function storedEnding(key: Buffer, value: Uint8Array): SessionEnding {
  const ending = attempt(rowName(key), () => decodeEnding(value))
  if (idOfEnding(key) !== ending.id) {
    throw new StoreDamagedError(`${rowName(key)} is one of session ${quoted(ending.id)}`)
  }
  return ending
}

/** A deadline, and whose entry shares its row, if one does. The key may be that of an earlier layout. */
export function storedDeadlineRow(
  key: Buffer,
  value: Uint8Array,
): { deadline: Deadline; sharedBy?: IdempotencyScope } {
  const deadline = storedDeadline(key, anyDeadlineOf)
  const entry = deadline.kind === 'ending' ? undefined : keyInDeadline(value)
  return entry === undefined
    ? { deadline }
    : { deadline, sharedBy: attempt('a shared deadline', () => anyScopeOf(entry)) }
}

/** The counters; zero before the first commit. */
export function storedTally(bytes: Uint8Array | undefined): Tally {
  return bytes === undefined
    ? { openSessions: 0, commits: 0 }
    : attempt('the number of open sessions', () => decodeTally(bytes))
}

import { checkJson } from '../../core/commands/arguments.js'
import { isJsonObject } from '../../core/commands/json-text.js'
import { InvalidFieldError, MalformedError } from '../../core/errors.js'
import { ExactNumber, parseExactJson } from './exact-json.js'
import { plainJson } from './extended-json.js'

const utf8 = new TextDecoder('utf-8', { fatal: true })
/** Values that callers chose, or that are converted later: `{"$date": …}` in them is a date only in MongoDB's dumps. */
const CONTENT: ReadonlySet<string> = new Set(['user', 'data', 'sessions'])

/** The fields of one session, as a service kept them. */
export type SessionRecord = Readonly<Record<string, unknown>>

/** A session's record, and where in its element it stands. */
export interface Found {
  /** `sessions[2]`, counted from 1; empty where the element is the record. */
  readonly path: string
  /** Absent where there is no object. */
  readonly record?: SessionRecord
}

/**
 * The session records in one element of a file. Most elements are one session; the oldest service kept one record per
 * user, with that user's sessions in it. Throws MalformedError, InvalidFieldError.
 */
export function recordsIn(bytes: Uint8Array): Found[] {
  const value = parse(bytes)
  if (!isObject(value)) {
    throw new MalformedError('element', 'is not an object')
  }
  const record = fieldsOf(value)
  if (!isOfUser(record)) {
    return [{ path: '', record }]
  }
  const { user_id = record.id, user_name, user } = record
  const sessions = record.sessions ?? []
  if (!Array.isArray(sessions)) {
    throw new InvalidFieldError('sessions', 'is not an array')
  }
  return sessions.map((session, i) => ({
    path: `sessions[${i + 1}]`,
    ...(isObject(session) && { record: { user_id, user_name, user, ...fieldsOf(session) } }),
  }))
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return isJsonObject(value) && !(value instanceof ExactNumber)
}

/** Whether this is a user's record: it has sessions or, if there are none, the time of the first. */
function isOfUser(record: SessionRecord): boolean {
  return 'sessions' in record || 'first_session' in record
}

/** MongoDB's documents have their id in `_id`. */
function fieldsOf(object: Readonly<Record<string, unknown>>): SessionRecord {
  const isDocument = '_id' in object
  const entries = Object.entries(object).map(([key, value]) => [
    key,
    isDocument || !CONTENT.has(key) ? plainJson(value) : value,
  ])
  const { _id, ...fields } = Object.fromEntries(entries)
  return { ...(isDocument && { id: _id }), ...fields }
}

function parse(bytes: Uint8Array): unknown {
  let value: unknown
  let source: string
  try {
    source = utf8.decode(bytes)
    value = parseExactJson(source)
  } catch (error) {
    throw new MalformedError('element', 'is not JSON in UTF-8', error)
  }
  checkJson('element', source)
  return value
}

import { checkJson } from '../../core/commands/arguments.js'
import { InvalidFieldError, MalformedError } from '../../core/errors.js'
import { ExactNumber, parseExactJson } from './exact-json.js'
import { plainJson } from './extended-json.js'

const utf8 = new TextDecoder('utf-8', { fatal: true })
/** What is the callers' own, or is looked at later: outside MongoDB `{"$date": …}` in it is no date. */
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
 * The records of sessions in one element of a file. Most are a session; the oldest service kept one
 * record a user, with the sessions in it. Throws MalformedError, InvalidFieldError.
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
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof ExactNumber)
  )
}

/** A record of a user's, which has sessions or, for want of any, when the first one was. */
function isOfUser(record: SessionRecord): boolean {
  return 'sessions' in record || 'first_session' in record
}

/** Documents of MongoDB have their id under `_id`. */
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

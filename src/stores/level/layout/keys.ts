import type { Session } from '../../../core/session.js'
import type { Deadline, IdempotencyScope } from '../../../core/store.js'
import type { ListPlace, ListQuery } from '../../../core/store-lists.js'
import { UUID_BYTES, uuidBytes, uuidText } from '../../../core/uuid.js'
import { readDeadline, readScope, withDeadline, withScope } from '../../rows/deadline.js'
import { readTime, timeBytes } from '../../rows/key-parts.js'
import { KeyWriter, TIME_BYTES } from '../../rows/key-writer.js'

/*
 * Layout 5. Earlier ones are in earlier-keys.ts. The first byte of a key names its range:
 *
 *   s id                                   the record
 *   k id                                   the sealed private key, while the session is active
 *   t active -requestTime id               every session, newest request first
 *   u user active -requestTime id          the same by user
 *   c user address client                  the active sessions that a command opened there
 *   i scope                                what is remembered of an idempotency key
 *   e commit id                            the ending of a token session within its lifetime, in the order of commits
 *   x time kind (id | scope)               deadlines, earliest first (rows/deadline.ts)
 *   m name                                 facts about the store
 *
 * The value of a token session's deadline may be the key of the entry that expires then: it has no deadline of its own. That of
 * an ending's deadline is the key of the ending.
 *
 * Times are milliseconds in 8 bytes, big-endian, so that they sort as bytes; with a minus they count down from the
 * largest. `active` and `kind` are one byte. Strings and bytes are preceded by their length in 2 bytes, so that no two
 * rows share a key; only the last part has no length.
 */

export const LAYOUT_VERSION = 5

export const INFO_KEY = Buffer.from('minfo')
export const TALLY_KEY = Buffer.from('mtally')

const DEADLINE_RANGE = 'x'.charCodeAt(0)
const ACTIVE_BYTES = 1
/** Of an ending among all. */
export const PLACE_BYTES = TIME_BYTES + UUID_BYTES
const LENGTH_BYTES = 2
/** The offset of the time in a key of the list of all sessions: after range and `active`. */
export const LIST_TIME_OFFSET = 2
/** The offset of the user in a key of the list of a user: after range and length. */
const USER_OFFSET = 1 + LENGTH_BYTES
const MAX_TIME = Number.MAX_SAFE_INTEGER
const AFTER_ALL_TIME = MAX_TIME + 1

/** Keys from `gte`, inclusive, to `lt`, exclusive. */
export interface KeyRange {
  readonly gte: Buffer
  readonly lt: Buffer
}

/** Keys that end in a time and an id. */
export interface TimeRange extends KeyRange {
  /** The offset of the time in each key. */
  readonly timeOffset: number
}

/** All keys of one kind. */
export const RANGES = {
  sessions: wholeRange('s'),
  seals: wholeRange('k'),
  byTime: wholeRange('t'),
  byUser: wholeRange('u'),
  opened: wholeRange('c'),
  entries: wholeRange('i'),
  endings: wholeRange('e'),
  deadlines: wholeRange('x'),
  facts: wholeRange('m'),
} as const satisfies Record<string, KeyRange>

const writer = new KeyWriter()

export function sessionKey(id: string): Buffer {
  return begin('s').text(id).key()
}

export function sealKey(id: string): Buffer {
  return begin('k').text(id).key()
}

export function isSealKey(key: Buffer): boolean {
  return key[0] === RANGES.seals.gte[0]
}

export function entryKey(scope: IdempotencyScope): Buffer {
  return withScope(begin('i'), scope).key()
}

/** Reverses `entryKey`. */
export function scopeOf(key: Buffer): IdempotencyScope {
  return readScope(key.subarray(1))
}

/** The id in the key of a record or a seal. */
export function idOf(key: Buffer): string {
  return key.toString('utf8', 1)
}

/** `commit`: the number of the commit that ended the session; 0 if that is not known. */
export function endingKey(commit: number, id: string): Buffer {
  return begin('e').time(commit).bytes(uuidBytes(id)).key()
}

/** The id of the session in the key of its ending. */
export function idOfEnding(key: Buffer): string {
  return uuidText(key.subarray(1 + TIME_BYTES))
}

/** Where an ending stands among all: its commit and its id, PLACE_BYTES. */
export function placeOfEnding(key: Buffer): Buffer {
  return key.subarray(1)
}

/** The endings behind a place. */
export function endingsAfter(place: Uint8Array): KeyRange {
  return { gte: begin('e').bytes(place).byte(0).key(), lt: RANGES.endings.lt }
}

export function deadlineKey(deadline: Deadline): Buffer {
  return withDeadline(begin('x'), deadline).key()
}

export function isDeadlineKey(key: Buffer): boolean {
  return key[0] === DEADLINE_RANGE
}

/** Reverses `deadlineKey`. Throws if it cannot have made this key. */
export function deadlineOf(key: Buffer): Deadline {
  const deadline = readDeadline(key.subarray(1))
  // Otherwise settling the deadline would not delete this key, and the sweep would find it for ever.
  if (!deadlineKey(deadline).equals(key)) {
    throw new Error(`no deadline: ${key.toString('hex')}`)
  }
  return deadline
}

/** The key that a deadline's row has as its value: of an entry that shares it, or of the ending. undefined: none. */
export function keyInDeadline(value: Uint8Array | undefined): Buffer | undefined {
  return value !== undefined && value.length > 1
    ? Buffer.from(value.buffer, value.byteOffset, value.length)
    : undefined
}

/** The idempotency entries of an owner. */
export function entryRange(owner: Uint8Array): KeyRange {
  return prefixRange(begin('i').sizedBytes(owner).key())
}

/** The key of the `c` row of a user, address and client. */
export function openedKey(userId: string, address: string, client: string): Buffer {
  return begin('c').sizedText(userId).sizedText(address).text(client).key()
}

/** The index keys of a session, derived from its record alone. */
export function indexKeys({ id, userId, active, requestTimeMs }: Session): [Buffer, Buffer] {
  const isActive = active ? 1 : 0
  const order = invertedMs(requestTimeMs)
  return [
    begin('t').byte(isActive).time(order).text(id).key(),
    begin('u').sizedText(userId).byte(isActive).time(order).text(id).key(),
  ]
}

/** The index keys of the open or of the ended sessions that match a query, newest request first. */
export function requestTimeRange(
  { userId, fromTimeMs = 0, toTimeMs = Number.POSITIVE_INFINITY }: Partial<ListQuery>,
  active: boolean,
): TimeRange {
  const start = userId === undefined ? begin('t') : begin('u').sizedText(userId)
  const prefix = start.byte(active ? 1 : 0).key()
  // Later times sort first, so the bounds swap.
  return {
    gte: Buffer.concat([prefix, timeBytes(AFTER_ALL_TIME - clampTime(toTimeMs))]),
    lt: Buffer.concat([prefix, timeBytes(AFTER_ALL_TIME - clampTime(fromTimeMs))]),
    timeOffset: prefix.length,
  }
}

/** The part of such a range that lies behind a place, or with `back` before it. */
export function rangeFrom(
  range: TimeRange,
  { requestTimeMs, id }: ListPlace,
  back: boolean,
): TimeRange {
  const prefix = range.gte.subarray(0, range.timeOffset)
  const key = Buffer.concat([prefix, timeBytes(invertedMs(requestTimeMs)), Buffer.from(id)])
  return back ? { ...range, lt: key } : { ...range, gte: Buffer.concat([key, Buffer.of(0)]) }
}

/** All sessions of a user. */
export function userRange(userId: string): TimeRange {
  const prefix = begin('u').sizedText(userId).key()
  return { ...prefixRange(prefix), timeOffset: prefix.length + ACTIVE_BYTES }
}

/** The id at the end of a key of a TimeRange. */
export function idAfterTime(key: Buffer, timeOffset: number): string {
  return key.toString('utf8', timeOffset + TIME_BYTES)
}

/** The request time in a key of a TimeRange. */
export function requestTimeAt(key: Buffer, timeOffset: number): number {
  return MAX_TIME - readTime(key, timeOffset)
}

/** The place that a key of a TimeRange stands for. */
export function placeAt(key: Buffer, timeOffset: number): ListPlace {
  return { requestTimeMs: requestTimeAt(key, timeOffset), id: idAfterTime(key, timeOffset) }
}

/** Whether a key of a TimeRange that ends in the session's id is one of its index keys. */
export function listsAt(key: Buffer, timeOffset: number, session: Session): boolean {
  // Compares in place instead of building the key: this runs for each row of each list.
  const isOfUser =
    timeOffset === LIST_TIME_OFFSET ||
    key.toString('utf8', USER_OFFSET, timeOffset - ACTIVE_BYTES) === session.userId
  return (
    isOfUser &&
    key[timeOffset - 1] === (session.active ? 1 : 0) &&
    requestTimeAt(key, timeOffset) === session.requestTimeMs
  )
}

/** Deadlines before `timeMs`. */
export function deadlineRange(timeMs: number): KeyRange {
  return { gte: begin('x').key(), lt: begin('x').time(clampTime(timeMs)).key() }
}

function wholeRange(name: string): KeyRange {
  return { gte: Buffer.from(name), lt: Buffer.of(name.charCodeAt(0) + 1) }
}

/** Begins a key. The next one must not begin before this one is made. */
function begin(name: 's' | 'k' | 't' | 'u' | 'c' | 'i' | 'e' | 'x'): KeyWriter {
  return writer.range(name.charCodeAt(0))
}

/** Keys that begin with `prefix`. The byte after it must never be 0xff. */
function prefixRange(prefix: Buffer): KeyRange {
  return { gte: prefix, lt: Buffer.concat([prefix, Buffer.of(0xff)]) }
}

/** Sorts later times first. */
export function invertedMs(ms: number): number {
  return MAX_TIME - ms
}

/** Rounds up to milliseconds, within the range of a key. */
function clampTime(ms: number): number {
  return Math.min(Math.max(Math.ceil(ms), 0), AFTER_ALL_TIME)
}

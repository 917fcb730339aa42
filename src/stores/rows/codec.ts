import { BinaryWriter } from '@bufbuild/protobuf/wire'
import {
  IdempotencyEntry,
  Session as SessionMessage,
  Token as TokenMessage,
} from '#generated/sessiond/store/v1/store'
import { ownerText } from '../../core/owner-text.js'
import type { Ending, Session, Token } from '../../core/session.js'
import { packedUuid, UUID_BYTES, uuidText } from '../../core/uuid.js'
import { END_REASON_NUMBERS, END_REASONS_BY_NUMBER, milliseconds } from './values.js'

/** The stored value of an idempotency key. */
export interface StoredEntry {
  readonly sessionId: string
  /** SHA-256, 32 bytes. */
  readonly bodySha256: Uint8Array
  readonly expiresTimeMs: number
}

/** The fields of most records by their tags: the field's number, and how it is encoded. */
const FIELDS: Readonly<Record<number, Exclude<keyof SessionRecord, 'hasNoUser'>>> = {
  10: 'id',
  18: 'userId',
  26: 'userName',
  32: 'active',
  40: 'openTimeMs',
  48: 'requestTimeMs',
  56: 'closeTimeMs',
  66: 'address',
  74: 'client',
  82: 'user',
  90: 'data',
  98: 'token',
  104: 'endReason',
  114: 'endedBy',
  120: 'requestAfterOpenMs',
}
const LENGTH_DELIMITED = 2
/** Numbers of up to 7 bytes: all times until the year 19000. */
const MAX_SCALE = 0x80 ** 6
const NO_RECORD: SessionRecord = {
  ...{ id: '', userId: '', userName: '', active: false },
  ...{ openTimeMs: 0, requestTimeMs: 0, closeTimeMs: 0 },
  ...{ address: '', client: '', user: '', data: '', token: undefined },
  ...{ endReason: 0, endedBy: '' },
  ...{ hasNoUser: false, requestAfterOpenMs: 0 },
}
const NO_BYTES = new Uint8Array(0)

const MAX_SHARED_BYTES = 64 * 1024
/** All records are written into the memory of one writer, one at a time. */
let writer = new BinaryWriter()

/** A copy of what the writer holds; larger memory than most records need is given back. */
function encoded<T>(
  codec: { encode(message: T, writer: BinaryWriter): BinaryWriter },
  message: T,
): Uint8Array {
  let isReusable = false
  try {
    const bytes = codec.encode(message, writer).finish()
    isReusable = bytes.length <= MAX_SHARED_BYTES
    return bytes
  } finally {
    if (!isReusable) {
      writer = new BinaryWriter()
    }
  }
}

// Field by field, here and below: spreading the rest of an object takes longer than encoding it.
export function encodeSession(session: Session): Uint8Array {
  const { token, userId, openTimeMs, requestTimeMs } = session
  return encoded(SessionMessage, {
    id: session.id,
    userId: token !== null && userId === ownerText(token.owner) ? '' : userId,
    userName: session.userName,
    active: session.active,
    openTimeMs: BigInt(openTimeMs),
    requestTimeMs: 0n,
    closeTimeMs: BigInt(session.closeTimeMs ?? 0),
    address: session.address,
    client: session.client,
    user: (session.active && session.user) || '',
    data: (session.active && session.data) || '',
    token: token ? tokenMessage(token) : undefined,
    hasNoUser: token !== null && userId === '' && token.owner.length > 0,
    requestAfterOpenMs: BigInt(requestTimeMs - openTimeMs),
    endReason: session.active || !session.ending ? 0 : END_REASON_NUMBERS[session.ending.reason],
    endedBy: session.active ? '' : (session.ending?.by ?? ''),
  })
}

export function decodeSession(bytes: Uint8Array): Session {
  return sessionOf(readRecord(bytes) ?? SessionMessage.decode(bytes))
}

/** A record before its values are checked. */
type SessionRecord = Omit<SessionMessage, TimeField> & Record<TimeField, bigint | number>
type TimeField = 'openTimeMs' | 'requestTimeMs' | 'closeTimeMs' | 'requestAfterOpenMs'

/**
 * Reads a record in one pass, without an object for each of its parts: lists read many. undefined if anything in it is not
 * as `encodeSession` writes it; the generated decoder says what that means.
 */
function readRecord(bytes: Uint8Array): SessionRecord | undefined {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes)
  const record = { ...NO_RECORD }
  let pos = 0
  while (pos < buffer.length) {
    const tag = buffer[pos++] as number
    // Each field begins with a number: its value, or its length.
    let number = 0
    for (let scale = 1; ; scale *= 0x80) {
      const byte = buffer[pos++]
      if (byte === undefined || scale > MAX_SCALE) {
        return undefined
      }
      number += (byte & 0x7f) * scale
      if (byte < 0x80) {
        break
      }
    }
    const field = FIELDS[tag]
    if (field === undefined) {
      return undefined
    }
    const end = (tag & 7) === LENGTH_DELIMITED ? pos + number : pos
    if (end > buffer.length) {
      return undefined
    }
    switch (field) {
      case 'active':
        record.active = number !== 0
        break
      case 'requestAfterOpenMs':
        // Negative numbers are odd (protobuf's ZigZag).
        record.requestAfterOpenMs = number % 2 === 0 ? number / 2 : -(number + 1) / 2
        break
      case 'openTimeMs':
      case 'requestTimeMs':
      case 'closeTimeMs':
      case 'endReason':
        record[field] = number
        break
      case 'token':
        record.token = TokenMessage.decode(buffer.subarray(pos, end))
        break
      default:
        record[field] = buffer.toString('utf8', pos, end)
    }
    pos = end
  }
  return record
}

function sessionOf(record: SessionRecord): Session {
  const { token, userId, hasNoUser, requestTimeMs } = record
  const openTimeMs = milliseconds(record.openTimeMs)
  return {
    id: record.id,
    userId: token && userId === '' && !hasNoUser ? ownerText(token.owner) : userId,
    userName: record.userName,
    active: record.active,
    openTimeMs,
    requestTimeMs: milliseconds(requestTimeMs || openTimeMs + Number(record.requestAfterOpenMs)),
    closeTimeMs: record.active ? null : milliseconds(record.closeTimeMs),
    address: record.address,
    client: record.client,
    // Earlier releases kept both in ended sessions. The sweep rewrites those within a day.
    user: record.active && record.user !== '' ? record.user : null,
    data: record.active && record.data !== '' ? record.data : null,
    token: token ? decodeToken(token) : null,
    ending: record.active ? null : endingOf(record),
  }
}

function endingOf({ endReason, endedBy }: SessionRecord): Ending | null {
  const reason = END_REASONS_BY_NUMBER.get(endReason)
  // A release that knows more reasons may have written the record.
  return reason === undefined ? null : { reason, by: endedBy === '' ? null : endedBy }
}

function tokenMessage({ owner, lifetime, publicKey, isBound }: Token): TokenMessage {
  return { owner, lifetime, publicKey, isBound: isBound ?? false }
}

function decodeToken({ owner, lifetime, publicKey, isBound }: TokenMessage): Token {
  return {
    // The decoder returns slices, which would keep the whole record in memory.
    owner: new Uint8Array(owner),
    lifetime: lifetime ?? { exp: 0n, nbf: 0n, iat: 0n },
    publicKey: new Uint8Array(publicKey),
    ...(isBound && { isBound: true as const }),
  }
}

export function encodeEntry({ sessionId, bodySha256, expiresTimeMs }: StoredEntry): Uint8Array {
  const sessionUuid = packedUuid(sessionId)
  return encoded(IdempotencyEntry, {
    sessionId: sessionUuid === null ? sessionId : '',
    bodySha256,
    expiresTimeMs: BigInt(expiresTimeMs),
    sessionUuid: sessionUuid ?? NO_BYTES,
  })
}

export function decodeEntry(bytes: Uint8Array): StoredEntry {
  const { sessionId, sessionUuid, bodySha256, expiresTimeMs } = IdempotencyEntry.decode(bytes)
  if (sessionUuid.length !== 0 && sessionUuid.length !== UUID_BYTES) {
    throw new RangeError(`the entry holds a UUID of ${sessionUuid.length} bytes`)
  }
  return {
    sessionId: sessionUuid.length === 0 ? sessionId : uuidText(sessionUuid),
    bodySha256: new Uint8Array(bodySha256),
    expiresTimeMs: milliseconds(expiresTimeMs),
  }
}

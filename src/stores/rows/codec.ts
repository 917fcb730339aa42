import { BinaryWriter } from '@bufbuild/protobuf/wire'
import {
  EndReason as EndReasonNumber,
  IdempotencyEntry,
  Session as SessionMessage,
  StoreInfo,
  Token as TokenMessage,
} from '#generated/sessiond/store/v1/store'
import type { EpochSettings } from '../../core/epoch.js'
import {
  END_REASONS,
  type Ending,
  type EndReason,
  type Session,
  type Token,
} from '../../core/session.js'

/** The stored value of an idempotency key. */
export interface StoredEntry {
  readonly sessionId: string
  /** SHA-256, 32 bytes. */
  readonly bodySha256: Uint8Array
  readonly expiresTimeMs: number
}

export interface Info {
  readonly layoutVersion: number
  readonly epochs: EpochSettings
  /** While an older store is upgraded: rows from this key on have no checksum yet. Otherwise empty. */
  readonly uncheckedFrom: Uint8Array
}

/** The fields of a record by their tags: the field's number, and how it is encoded. */
const FIELDS: Readonly<Record<number, keyof SessionRecord>> = {
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
}
const END_REASON_NUMBERS: Readonly<Record<EndReason, EndReasonNumber>> = {
  closed: EndReasonNumber.END_REASON_CLOSED,
  expired: EndReasonNumber.END_REASON_EXPIRED,
  idle: EndReasonNumber.END_REASON_IDLE,
  superseded: EndReasonNumber.END_REASON_SUPERSEDED,
  deleted: EndReasonNumber.END_REASON_DELETED,
  erased: EndReasonNumber.END_REASON_ERASED,
  key_lost: EndReasonNumber.END_REASON_KEY_LOST,
  revoked: EndReasonNumber.END_REASON_REVOKED,
}
const END_REASONS_BY_NUMBER = new Map(
  END_REASONS.map((reason) => [END_REASON_NUMBERS[reason], reason] as const),
)
const LENGTH_DELIMITED = 2
/** Numbers of up to 7 bytes: all times until the year 19000. */
const MAX_SCALE = 0x80 ** 6
const NO_RECORD: SessionRecord = {
  ...{ id: '', userId: '', userName: '', active: false },
  ...{ openTimeMs: 0, requestTimeMs: 0, closeTimeMs: 0 },
  ...{ address: '', client: '', user: '', data: '', token: undefined },
  ...{ endReason: 0, endedBy: '' },
}

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
  return encoded(SessionMessage, {
    id: session.id,
    userId: session.userId,
    userName: session.userName,
    active: session.active,
    openTimeMs: BigInt(session.openTimeMs),
    requestTimeMs: BigInt(session.requestTimeMs),
    closeTimeMs: BigInt(session.closeTimeMs ?? 0),
    address: session.address,
    client: session.client,
    user: (session.active && session.user) || '',
    data: (session.active && session.data) || '',
    token: session.token ?? undefined,
    endReason: session.active || !session.ending ? 0 : END_REASON_NUMBERS[session.ending.reason],
    endedBy: session.active ? '' : (session.ending?.by ?? ''),
  })
}

export function decodeSession(bytes: Uint8Array): Session {
  return sessionOf(readRecord(bytes) ?? SessionMessage.decode(bytes))
}

/** A record before its values are checked. */
type SessionRecord = Omit<SessionMessage, 'openTimeMs' | 'requestTimeMs' | 'closeTimeMs'> & {
  openTimeMs: bigint | number
  requestTimeMs: bigint | number
  closeTimeMs: bigint | number
}

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
  return {
    id: record.id,
    userId: record.userId,
    userName: record.userName,
    active: record.active,
    openTimeMs: milliseconds(record.openTimeMs),
    requestTimeMs: milliseconds(record.requestTimeMs),
    closeTimeMs: record.active ? null : milliseconds(record.closeTimeMs),
    address: record.address,
    client: record.client,
    // Earlier releases kept both in ended sessions. The sweep rewrites those within a day.
    user: record.active && record.user !== '' ? record.user : null,
    data: record.active && record.data !== '' ? record.data : null,
    token: record.token ? decodeToken(record.token) : null,
    ending: record.active ? null : endingOf(record),
  }
}

function endingOf({ endReason, endedBy }: SessionRecord): Ending | null {
  const reason = END_REASONS_BY_NUMBER.get(endReason)
  // A release that knows more reasons may have written the record.
  return reason === undefined ? null : { reason, by: endedBy === '' ? null : endedBy }
}

function decodeToken({ owner, lifetime, publicKey }: TokenMessage): Token {
  return {
    // The decoder returns slices, which would keep the whole record in memory.
    owner: new Uint8Array(owner),
    lifetime: lifetime ?? { exp: 0n, nbf: 0n, iat: 0n },
    publicKey: new Uint8Array(publicKey),
  }
}

export function encodeEntry({ sessionId, bodySha256, expiresTimeMs }: StoredEntry): Uint8Array {
  return encoded(IdempotencyEntry, {
    sessionId,
    bodySha256,
    expiresTimeMs: BigInt(expiresTimeMs),
  })
}

export function decodeEntry(bytes: Uint8Array): StoredEntry {
  const { sessionId, bodySha256, expiresTimeMs } = IdempotencyEntry.decode(bytes)
  return {
    sessionId,
    bodySha256: new Uint8Array(bodySha256),
    expiresTimeMs: milliseconds(expiresTimeMs),
  }
}

export function encodeInfo({ layoutVersion, epochs, uncheckedFrom }: Info): Uint8Array {
  return StoreInfo.encode({
    layoutVersion,
    epochGenesisMs: BigInt(epochs.genesisAtMs),
    epochLengthMs: BigInt(epochs.lengthMs),
    uncheckedFrom,
    shards: 0,
  }).finish()
}

export function decodeInfo(bytes: Uint8Array): Info {
  const { layoutVersion, epochGenesisMs, epochLengthMs, uncheckedFrom } = StoreInfo.decode(bytes)
  return {
    layoutVersion,
    uncheckedFrom: new Uint8Array(uncheckedFrom),
    epochs: { genesisAtMs: milliseconds(epochGenesisMs), lengthMs: milliseconds(epochLengthMs) },
  }
}

/** Throws RangeError for a value that a number cannot represent: the store never writes one. */
function milliseconds(value: bigint | number): number {
  const ms = Number(value)
  if (!Number.isSafeInteger(ms)) {
    throw new RangeError(`the record holds a time of ${value} ms`)
  }
  return ms
}

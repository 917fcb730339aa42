import { sha256 } from '@noble/hashes/sha2.js'
import { messages } from '#generated/fields'
import { InvalidFieldError } from '../core/errors.js'
import { readUuid } from '../envelope/fields.js'
import { readMessage, type SignedMessage } from '../envelope/message.js'
import { readResponseMeta } from '../envelope/meta.js'
import { tokens } from '../envelope/shapes.js'
import type { WalkedMessage } from '../envelope/walked-message.js'

/** The ending of a session before its lifetime was over. */
export interface EndedSession {
  /** The session's id, a UUIDv4. */
  readonly id: string
  /** By the server's clock, in Unix milliseconds. */
  readonly endTimeMs: number
  /** What ended it, such as `closed` or `revoked`. A later server may have other reasons. */
  readonly reason: string
  /** The last epoch of the session's lifetime. */
  readonly exp: bigint
}

/** A well-formed message of Watch. Its signatures and its hash are not verified yet. Slices of the received bytes. */
export interface WatchMessage {
  readonly message: SignedMessage
  /** Empty in the second part of the stream. */
  readonly request: Uint8Array
  readonly endings: readonly EndedSession[]
  /** Each ending as it was received. */
  readonly endingBytes: readonly Uint8Array[]
  /** Empty: as before. */
  readonly cursor: Uint8Array
  readonly hash: Uint8Array
  /** Empty but in the last message of the first part. */
  readonly nextHash: Uint8Array
  readonly isFull: boolean
  /** 0: nothing is said. */
  readonly timeMs: number
}

const HASH_BYTES = 32
const MAX_REASON_BYTES = 64

const fields = messages['sessiond.v1.WatchResponse.Body']
const endingFields = messages['sessiond.v1.SessionEnding']

/** Reads a `sessiond.v1.WatchResponse`. Throws MalformedError, MissingFieldError, InvalidFieldError, VersionError. */
export function readWatchMessage(bytes: Uint8Array): WatchMessage {
  const read = readMessage(bytes, tokens.watchResponse)
  readResponseMeta(read)
  const { message, body } = read
  const endings = body.messages(fields.endings.number)
  return {
    message,
    request: hashIn(body, 'request', true),
    endings: endings.map(readEnding),
    endingBytes: endings.map((ending) => ending.bytes),
    cursor: body.content(fields.cursor.number),
    hash: hashIn(body, 'hash'),
    nextHash: hashIn(body, 'next_hash', true),
    isFull: body.flag(fields.is_full.number),
    timeMs: timeIn(body, fields.time_ms.number, 'body.time_ms'),
  }
}

/** The running hash after one more ending. */
export function hashAfter(hash: Uint8Array, ending: Uint8Array): Uint8Array {
  return sha256.create().update(hash).update(ending).digest()
}

function hashIn(
  body: WalkedMessage,
  name: 'request' | 'hash' | 'next_hash',
  mayBeEmpty = false,
): Uint8Array {
  const hash = body.content(fields[name].number)
  if (hash.length !== HASH_BYTES && !(mayBeEmpty && hash.length === 0)) {
    throw new InvalidFieldError(
      `body.${name}`,
      `has ${hash.length} bytes; a hash has ${HASH_BYTES}`,
    )
  }
  return hash
}

function readEnding(ending: WalkedMessage): EndedSession {
  const reason = ending.content(endingFields.reason.number)
  if (reason.length === 0 || reason.length > MAX_REASON_BYTES) {
    throw new InvalidFieldError('body.endings.reason', `must have 1 to ${MAX_REASON_BYTES} bytes`)
  }
  return {
    id: readUuid(ending.content(endingFields.id.number), 'body.endings.id'),
    endTimeMs: timeIn(ending, endingFields.end_time_ms.number, 'body.endings.end_time_ms'),
    reason: ending.text(endingFields.reason.number),
    exp: ending.uint64(endingFields.exp.number),
  }
}

function timeIn(walked: WalkedMessage, number: number, path: string): number {
  const timeMs = Number(walked.uint64(number))
  if (!Number.isSafeInteger(timeMs)) {
    throw new InvalidFieldError(path, 'is no time')
  }
  return timeMs
}

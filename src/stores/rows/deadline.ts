import { sameBytes } from '../../core/bytes.js'
import type { Deadline, IdempotencyScope } from '../../core/store.js'
import { packedUuid, UUID_BYTES, uuidBytes, uuidText } from '../../core/uuid.js'
import { readSized, readTime } from './key-parts.js'
import { type KeyWriter, TIME_BYTES } from './key-writer.js'

/** The kind of a deadline, one byte. */
const OF_SESSION = 0
const OF_ENTRY = 1
/** Of a session whose id is a UUID, which takes 16 bytes in place of 36. */
const OF_UUID = 2
/** Of an ending, whose session has a UUID. */
const OF_ENDING = 3

/**
 * How signer and key of an idempotency scope are written, one byte. Its highest bit is always set: earlier
 * releases had the length of the signer there, which is never that large.
 */
const FORM = 0x80
/** The signer is the owner, and is left out. */
const SIGNED_BY_OWNER = 1
/** The key is a UUID: 16 bytes. */
const KEY_IS_UUID = 2

/** A deadline as part of a key: its time, its kind, and the id or scope. It is the last part. */
export function withDeadline(start: KeyWriter, deadline: Deadline): KeyWriter {
  const timed = start.time(deadline.timeMs)
  if (deadline.kind === 'idempotency') {
    return withScope(timed.byte(OF_ENTRY), deadline.scope)
  }
  if (deadline.kind === 'ending') {
    return timed.byte(OF_ENDING).bytes(uuidBytes(deadline.id))
  }
  const uuid = packedUuid(deadline.id)
  return uuid === null ? timed.byte(OF_SESSION).text(deadline.id) : timed.byte(OF_UUID).bytes(uuid)
}

/** Reverses `withDeadline`. Throws if the kind is none. */
export function readDeadline(part: Buffer, readRest = readScope): Deadline {
  const timeMs = readTime(part, 0)
  const rest = part.subarray(TIME_BYTES + 1)
  switch (part[TIME_BYTES]) {
    case OF_SESSION:
      return { kind: 'session', timeMs, id: rest.toString() }
    case OF_UUID:
      return { kind: 'session', timeMs, id: readUuid(rest) }
    case OF_ENDING:
      return { kind: 'ending', timeMs, id: readUuid(rest) }
    case OF_ENTRY:
      return { kind: 'idempotency', timeMs, scope: readRest(rest) }
    default:
      throw new Error(`no deadline: ${part.toString('hex')}`)
  }
}

/** An idempotency scope as part of a key: owner, signer and key. It is the last part. */
export function withScope(start: KeyWriter, { owner, signer, key }: IdempotencyScope): KeyWriter {
  const isOwner = sameBytes(signer, owner)
  const uuid = packedUuid(key)
  const form = FORM | (isOwner ? SIGNED_BY_OWNER : 0) | (uuid === null ? 0 : KEY_IS_UUID)
  const begun = start.sizedBytes(owner).byte(form)
  const signed = isOwner ? begun : begun.sizedBytes(signer)
  return uuid === null ? signed.text(key) : signed.bytes(uuid)
}

/** Reverses `withScope`. Throws if it cannot have written this. */
export function readScope(part: Buffer): IdempotencyScope {
  const [owner, afterOwner] = readSized(part)
  const form = afterOwner[0] ?? 0
  if (!(form & FORM)) {
    throw new Error(`no idempotency scope: ${part.toString('hex')}`)
  }
  const afterForm = afterOwner.subarray(1)
  const [signer, key] = form & SIGNED_BY_OWNER ? [owner, afterForm] : readSized(afterForm)
  // Copies: slices would keep the whole key in memory.
  return {
    owner: new Uint8Array(owner),
    signer: new Uint8Array(signer),
    key: form & KEY_IS_UUID ? readUuid(key) : key.toString(),
  }
}

/** Throws if these are not the bytes of a UUID. */
function readUuid(bytes: Buffer): string {
  if (bytes.length !== UUID_BYTES) {
    throw new Error(`no UUID: ${bytes.toString('hex')}`)
  }
  return uuidText(bytes)
}

import { randomBytes } from 'node:crypto'
import { StoreDamagedError } from '../../../core/errors.js'
import type { Session, SessionEnding } from '../../../core/session.js'
import type { Deadline, IdempotencyScope } from '../../../core/store.js'
import { withChecksum, withoutChecksum } from '../../rows/checksum.js'
import { decodeEntry, encodeEntry, encodeSession, type StoredEntry } from '../../rows/codec.js'
import { readDeadline, withDeadline } from '../../rows/deadline.js'
import { decodeEnding, encodeEnding } from '../../rows/ending.js'
import { readSized } from '../../rows/key-parts.js'
import { KeyWriter } from '../../rows/key-writer.js'
import { attempt, quoted, readRecord as readSaneRecord } from '../../rows/record.js'

/*
 * Values as the engine keeps them, with a checksum over their key and themselves. The functions that read them throw
 * StoreDamagedError for what no server wrote there.
 */

/** A number that grows with each change of a session, then random bytes: no two writes make the same version. */
export const VERSION_BYTES = 8
/** The version of a record that does not exist. */
export const NO_VERSION = Buffer.alloc(0)

const writer = new KeyWriter()
let nextNonce = randomBytes(4).readUInt32BE()

/**
 * The version of what replaces a record of this one. A new record begins with the second of the clock, or behind `known`,
 * the number of one that had its id before: so an id that is used again goes on from there.
 */
export function versionAfter(version: Uint8Array, known = 0): Buffer {
  const isNew = version.length === 0
  const last = isNew ? Math.max(Math.floor(Date.now() / 1000), known) : versionNumber(version)
  const next = Buffer.allocUnsafe(VERSION_BYTES)
  next.writeUInt32BE((last + 1) % 2 ** 32)
  next.writeUInt32BE(nextNonce, 4)
  nextNonce = (nextNonce + 1) % 2 ** 32
  return next
}

/** What later versions of the same session are greater than. */
export function versionNumber(version: Uint8Array): number {
  return version.length === 0 ? 0 : new DataView(version.buffer, version.byteOffset).getUint32(0)
}

export function versionOf(stored: Buffer | undefined): Buffer {
  return stored?.subarray(0, VERSION_BYTES) ?? NO_VERSION
}

export function recordValue(key: string, session: Session, version: Buffer): Buffer {
  return withChecksum(Buffer.from(key), Buffer.concat([version, encodeSession(session)]))
}

/** The session in the record of `id`, whose key this is. */
export function readRecord(key: string, id: string, stored: Buffer): Session {
  const name = `session ${quoted(id)}: its record`
  const value = checked(key, stored, name)
  const session = readSaneRecord(value.subarray(VERSION_BYTES), `session ${quoted(id)}`)
  if (session.id !== id) {
    throw new StoreDamagedError(`${name} is one of session ${quoted(session.id)}`)
  }
  return session
}

export function sealValue(key: string, seal: Uint8Array): Buffer {
  return withChecksum(Buffer.from(key), seal)
}

export function readSeal(key: string, id: string, stored: Buffer): Uint8Array {
  return Uint8Array.from(checked(key, stored, `session ${quoted(id)}: its sealed key`))
}

/** The field of an idempotency entry in the hash of its user. */
export function entryField(signer: Uint8Array, key: string): Buffer {
  return writer.begin().sizedBytes(signer).text(key).key()
}

/** Reverses `entryField`. */
export function entryScope(owner: Uint8Array, field: Buffer): IdempotencyScope {
  const [signer, key] = attempt('the name of an idempotency entry', () => readSized(field))
  return { owner: new Uint8Array(owner), signer: new Uint8Array(signer), key: key.toString() }
}

export function entryValue(hashKey: string, field: Buffer, entry: StoredEntry): Buffer {
  return withChecksum(fieldName(hashKey, field), encodeEntry(entry))
}

export function readEntry(hashKey: string, field: Buffer, stored: Buffer): StoredEntry {
  const name = 'the entry of an idempotency key'
  const value = withoutChecksum(fieldName(hashKey, field), stored)
  if (value === undefined) {
    throw failsChecksum(name)
  }
  return attempt(name, () => decodeEntry(value))
}

/** The value of an ending in the hash of its shard. */
export function endingValue(hashKey: string, ending: SessionEnding): Buffer {
  return withChecksum(fieldName(hashKey, Buffer.from(ending.id)), encodeEnding(ending))
}

/** `stored`: undefined where there is none. */
export function readEnding(hashKey: string, id: Buffer, stored: Buffer | undefined): SessionEnding {
  const name = `session ${quoted(id.toString())}: its ending`
  if (stored === undefined) {
    throw new StoreDamagedError(`${name} is missing`)
  }
  const value = withoutChecksum(fieldName(hashKey, id), stored)
  if (value === undefined) {
    throw failsChecksum(name)
  }
  const ending = attempt(name, () => decodeEnding(value))
  if (ending.id !== id.toString()) {
    throw new StoreDamagedError(`${name} is one of session ${quoted(ending.id)}`)
  }
  return ending
}

/** The member of a deadline in the sorted set of its shard. */
export function deadlineMember(setKey: string, deadline: Deadline): Buffer {
  return withChecksum(Buffer.from(setKey), withDeadline(writer.begin(), deadline).key())
}

export function readDeadlineMember(setKey: string, member: Buffer, score: number): Deadline {
  const deadline = attempt('a deadline', () => readDeadline(checked(setKey, member, 'a deadline')))
  if (deadline.timeMs !== score || !deadlineMember(setKey, deadline).equals(member)) {
    throw new StoreDamagedError('a deadline is not whole')
  }
  return deadline
}

export function pointerValue(key: string, shard: number): Buffer {
  return withChecksum(Buffer.from(key), Buffer.from(`${shard}`))
}

export function markValue(key: string): Buffer {
  return withChecksum(Buffer.from(key), Buffer.of(0))
}

/** The shard that a pointer names. */
export function readPointer(key: string, id: string, stored: Buffer, shards: number): number {
  const name = `session ${quoted(id)}: the pointer to its shard`
  const shard = Number(checked(key, stored, name).toString('latin1'))
  if (!Number.isInteger(shard) || shard < 0 || shard >= shards) {
    throw new StoreDamagedError(`${name} leads to no shard`)
  }
  return shard
}

function fieldName(hashKey: string, field: Buffer): Buffer {
  return Buffer.concat([Buffer.from(hashKey), field])
}

function checked(key: string, stored: Buffer, name: string): Buffer {
  const value = withoutChecksum(Buffer.from(key), stored)
  if (value === undefined) {
    throw failsChecksum(name)
  }
  return value as Buffer
}

function failsChecksum(name: string): StoreDamagedError {
  return new StoreDamagedError(`${name} fails its checksum`)
}

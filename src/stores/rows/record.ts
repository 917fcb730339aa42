import { StoreDamagedError } from '../../core/errors.js'
import { ED25519_KEY_BYTES, P256_KEY_BYTES } from '../../core/key-lengths.js'
import type { Session, Token } from '../../core/session.js'
import { decodeSession } from './codec.js'

const MAX_TEXT_BYTES = 65_535
const MAX_ID_BYTES = 64

/** `name` is the record's, for messages. */
export function readRecord(record: Uint8Array, name: string): Session {
  const session = attempt(`${name}: its record`, () => decodeSession(record))
  if (!isSane(session)) {
    throw new StoreDamagedError(`${name}: its record has values that no session has`)
  }
  return session
}

/** Whether the store can write the session's rows and find them again. */
function isSane({ id, userId, active, closeTimeMs, address, client, token }: Session): boolean {
  const idBytes = Buffer.byteLength(id)
  return (
    idBytes >= 1 &&
    idBytes <= MAX_ID_BYTES &&
    [userId, address, client].every((text) => Buffer.byteLength(text) <= MAX_TEXT_BYTES) &&
    (!active || closeTimeMs === null) &&
    (token === null || (isKey(token) && token.owner.length > 0))
  )
}

function isKey({ publicKey, isBound }: Token): boolean {
  return (
    publicKey.length === ED25519_KEY_BYTES ||
    (isBound === true && publicKey.length === P256_KEY_BYTES)
  )
}

/** What `read` returns. Throws StoreDamagedError where it throws; `name` is the row's, for messages. */
export function attempt<T>(name: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw unreadable(name, cause)
  }
}

export function unreadable(name: string, cause: unknown): StoreDamagedError {
  return new StoreDamagedError(`${name} cannot be read`, cause)
}

/** An id in quotes: imported ids may contain any character. */
export function quoted(id: string): string {
  return JSON.stringify(id)
}

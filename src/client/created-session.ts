import { base58, hex } from '@scure/base'
import { MalformedError } from '../core/errors.js'
import { ED25519_KEY_BYTES, MAX_OWNER_BYTES } from '../core/key-lengths.js'
import type { SessionLifetime } from './request.js'

/** A session with a key, as JSON. */
export interface KeyedSessionJson {
  readonly id: string
  /** Hex. */
  readonly publicKey: string
  /** Base58, as the `userId` of the session. */
  readonly owner: string
  /** Epochs in decimal digits. */
  readonly lifetime: { readonly exp: string; readonly nbf: string; readonly iat: string }
}

/** A created session as JSON. */
export interface CreatedSessionJson extends KeyedSessionJson {
  /** Hex. */
  readonly serverKey: string
}

/**
 * A session that the server opened. `JSON.stringify` writes all of it, and `CreatedSession.fromJson` reads that again.
 *
 * @example
 * ```ts
 * import { CreatedSession } from 'sessiond/client'
 *
 * export const save = (session: CreatedSession): string => JSON.stringify(session)
 * export const load = (text: string): CreatedSession => CreatedSession.fromJson(JSON.parse(text))
 * ```
 */
export class CreatedSession {
  /** A UUIDv4. */
  readonly id: string
  /** The session's public key: Ed25519, 32 bytes. The private half stays sealed in the server. */
  readonly publicKey: Uint8Array
  /** The owner's id, 1 to 64 bytes. */
  readonly owner: Uint8Array
  readonly lifetime: SessionLifetime
  /** The key that signed the answer: Ed25519, 32 bytes. */
  readonly serverKey: Uint8Array

  constructor(parts: Omit<CreatedSession, 'toJSON'>) {
    this.id = parts.id
    this.publicKey = parts.publicKey
    this.owner = parts.owner
    this.lifetime = parts.lifetime
    this.serverKey = parts.serverKey
  }

  /** What `JSON.stringify` writes. */
  toJSON(): CreatedSessionJson {
    return { ...keyedSessionJson(this), serverKey: hex.encode(this.serverKey) }
  }

  /**
   * The session that was written as JSON. Verifies its form, not that a server opened it.
   *
   * @throws {SessiondError} With code `MALFORMED`: `json` is no such session; `field` says where.
   */
  static fromJson(json: unknown): CreatedSession {
    const from = Object(json) as Readonly<Record<string, unknown>>
    const lifetime = Object(from.lifetime) as Readonly<Record<string, unknown>>
    return new CreatedSession({
      id: read(from, 'id', (text) => text),
      publicKey: read(from, 'publicKey', keyOfHex),
      owner: read(from, 'owner', ownerOfBase58),
      lifetime: {
        exp: read(lifetime, 'exp', epochOf, 'lifetime.'),
        nbf: read(lifetime, 'nbf', epochOf, 'lifetime.'),
        iat: read(lifetime, 'iat', epochOf, 'lifetime.'),
      },
      serverKey: read(from, 'serverKey', keyOfHex),
    })
  }
}

/** What JSON has no form for: bytes and epochs. */
export function keyedSessionJson({
  id,
  publicKey,
  owner,
  lifetime: { exp, nbf, iat },
}: Omit<CreatedSession, 'serverKey' | 'toJSON'>): KeyedSessionJson {
  return {
    id,
    publicKey: hex.encode(publicKey),
    owner: base58.encode(owner),
    lifetime: { exp: `${exp}`, nbf: `${nbf}`, iat: `${iat}` },
  }
}

/** The longest text of them: an owner of 64 bytes in base58. Decoding that takes quadratic time. */
const MAX_CHARS = 100

/** Reads a field that is text; `parse` returns null for a wrong one. */
function read<T>(
  from: Readonly<Record<string, unknown>>,
  name: string,
  parse: (text: string) => T | null,
  path = '',
): T {
  const text = from[name]
  let value: T | null = null
  if (typeof text === 'string' && text !== '' && text.length <= MAX_CHARS) {
    try {
      value = parse(text)
    } catch {
      // Not of its alphabet, as below.
    }
  }
  if (value === null) {
    throw new MalformedError(`${path}${name}`, 'is not what toJSON writes')
  }
  return value
}

function keyOfHex(text: string): Uint8Array | null {
  const key = hex.decode(text)
  return key.length === ED25519_KEY_BYTES ? key : null
}

function ownerOfBase58(text: string): Uint8Array | null {
  const owner = base58.decode(text)
  return owner.length <= MAX_OWNER_BYTES ? owner : null
}

function epochOf(text: string): bigint | null {
  return /^\d{1,20}$/.test(text) ? BigInt(text) : null
}

import { SessionToken_Body } from '#generated/service/meta'
import { InvalidFieldError } from '../core/errors.js'
import type { Lifetime } from '../core/session.js'
import { UUID_BYTES, uuidBytes, uuidText } from '../core/uuid.js'
import {
  encodeToken,
  type ObjectAddress,
  readToken,
  VERBS,
  type Verb,
  wireAddress,
} from './token.js'

/** The session that a token is of, such as `createSession` returns it. */
export interface TokenSession {
  /** A UUIDv4. */
  readonly id: string
  /** Ed25519 (32 bytes) or P-256 (33 bytes). */
  readonly publicKey: Uint8Array
  /** The owner's id, 1 to 64 bytes. */
  readonly owner: Uint8Array
  readonly lifetime: Lifetime
}

/** What a token is to allow. */
export interface TokenOptions {
  readonly session: TokenSession
  /** The one thing that the token allows. */
  readonly verb: Verb
  /** An object, or a container with all its objects. Default: every object that the owner may reach. */
  readonly object?: ObjectAddress | undefined
  /** First and last epoch, within those of the session. Default: the session's. */
  readonly lifetime?: Partial<Lifetime>
}

/** Signs with the owner's private key, wherever that is. */
export interface TokenSigner {
  /** 32 bytes for Ed25519, 33 (a compressed point) for P-256. */
  readonly publicKey: Uint8Array
  /** Signs with Ed25519 (64 bytes), or P-256 with SHA-256 (64 bytes, R ‖ S) or SHA-512 (65, 0x04 ‖ R ‖ S). */
  sign(message: Uint8Array): Uint8Array | Promise<Uint8Array>
}

/**
 * Signs a `service.SessionToken` as the owner, and returns its bytes. It allows one verb, and with `object` only that
 * object. Whoever has the session key can then act for the owner, until the token expires or the session ends.
 *
 * @throws {SessiondError} With code `INVALID_FIELD` or `MISSING_FIELD`: the session is no session, or the lifetime is not
 * within the session's.
 *
 * @example
 * ```ts
 * import { type CreatedSession, type PrivateKey, signerOf } from 'sessiond/client'
 * import { issueToken, tokenToText } from 'sessiond/token'
 *
 * // A token to read one container until the session ends.
 * export async function readToken(session: CreatedSession, ownerKey: PrivateKey, containerId: Uint8Array) {
 *   const object = { containerId }
 *   return tokenToText(await issueToken({ session, verb: 'OBJECT_GET', object }, signerOf(ownerKey)))
 * }
 * ```
 */
export async function issueToken(
  { session, verb, object, lifetime: wanted }: TokenOptions,
  signer: TokenSigner,
): Promise<Uint8Array> {
  const lifetime = { ...session.lifetime, ...wanted }
  checkWithin(lifetime, session.lifetime)
  const body = SessionToken_Body.encode({
    id: idBytes(session.id),
    ownerId: { value: session.owner },
    verb: VERBS.indexOf(verb),
    lifetime,
    sessionKey: session.publicKey,
    objectAddress: object && wireAddress(object),
  }).finish()
  const token = encodeToken(body, signer.publicKey, await signer.sign(body))
  readToken(token)
  return token
}

function checkWithin({ nbf, exp }: Lifetime, session: Lifetime): void {
  if (nbf < session.nbf) {
    const problem = `${nbf} is before the session's, ${session.nbf}`
    throw new InvalidFieldError('token.lifetime.nbf', problem)
  }
  if (exp > session.exp) {
    throw new InvalidFieldError(
      'token.lifetime.exp',
      `${exp} is after the session's, ${session.exp}`,
    )
  }
}

/** Of another text it returns bytes that are no UUID, which `readToken` refuses. */
function idBytes(id: string): Uint8Array {
  const bytes = uuidBytes(id)
  return uuidText(bytes) === id.toLowerCase() ? bytes : new Uint8Array(UUID_BYTES)
}

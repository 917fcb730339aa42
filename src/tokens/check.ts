import { verify as platformVerify } from '#tokens/verify'
import { sameBytes } from '../core/bytes.js'
import { selfCertifying } from '../core/create/owner.js'
import { EpochClock, type EpochSettings, UNIX_SECONDS } from '../core/epoch.js'
import { isCallerError } from '../core/errors.js'
import { n3Account, n3AccountFault } from '../crypto/n3.js'
import type { Verify } from '../crypto/schemes.js'
import {
  type ObjectAddress,
  type ReadToken,
  readToken,
  type SessionToken,
  type Verb,
} from './token.js'

/**
 * Why a token is refused. Programs rely on these: none is renamed, and none changes what it means. Checked in this order:
 *
 * - `MALFORMED`, `MISSING_FIELD`, `INVALID_FIELD`: the bytes are no token of the contract.
 * - `NOT_YET_VALID`, `EXPIRED`: the epoch is before `nbf`, or after `exp`.
 * - `VERB_NOT_ALLOWED`: the token is for another verb.
 * - `OBJECT_NOT_ALLOWED`: the token is for another object or container, or for one object of the container.
 * - `OWNER_KEY_MISMATCH`: the key that signed the token may not speak for its owner.
 * - `BAD_SIGNATURE`: the owner did not sign this.
 * - `BAD_PROOF`: whoever shows the token does not have the session key.
 */
export type TokenReason =
  | 'MALFORMED'
  | 'MISSING_FIELD'
  | 'INVALID_FIELD'
  | 'NOT_YET_VALID'
  | 'EXPIRED'
  | 'VERB_NOT_ALLOWED'
  | 'OBJECT_NOT_ALLOWED'
  | 'OWNER_KEY_MISMATCH'
  | 'BAD_SIGNATURE'
  | 'BAD_PROOF'

/**
 * The epoch now, by this machine's clock. `epochs`: as the server counts them (`--epoch-genesis`, `--epoch-length`).
 * Default: Unix seconds, as in the server.
 *
 * @example
 * ```ts
 * import { epochNow } from 'sessiond/token'
 *
 * console.log(epochNow({ genesisAtMs: Date.UTC(2024, 0, 1), lengthMs: 60_000 }))
 * ```
 */
export function epochNow(epochs: EpochSettings = UNIX_SECONDS): bigint {
  return new EpochClock(epochs, Date.now).now()
}

/** What is about to be done under a token. */
export interface TokenUse {
  /** `any`: whatever the token is for, on whatever object: whether it is good is all that is asked. */
  readonly verb: Verb | 'any'
  /** On what. Absent: on no object in particular; a token for an object or a container then does not allow it. */
  readonly object?: ObjectAddress | undefined
  /** The epoch now, as the server counts: `epochNow()`. */
  readonly epoch: bigint
  /** What shows that the sender has the session key. `not-asked`: a stolen token is as good as the owner's. */
  readonly proof: TokenProof | 'not-asked'
}

/** A signature by the session key over something that is used once, such as the request that carries the token. */
export interface TokenProof {
  /** What was signed. */
  readonly content: Uint8Array
  /** 64 or 65 bytes. */
  readonly signature: Uint8Array
}

/** A token that is good for this use, or why it is not. */
export type TokenVerdict =
  | { readonly isGood: true; readonly token: SessionToken }
  | { readonly isGood: false; readonly reason: TokenReason; readonly message: string }

/** Which keys may speak for an owner, and who verifies. */
export interface TokenCheckOptions {
  /**
   * `self-certifying`: the owner's id is its key, an Ed25519 public key or an N3 account. A function: whether `signer` may
   * speak for `owner`; it is asked at every check. Default: `self-certifying`, as in the server.
   */
  readonly owners?: 'self-certifying' | ((owner: Uint8Array, signer: Uint8Array) => boolean)
  /** Default: by node:crypto, or in browsers by JavaScript. */
  readonly verify?: Verify
}

/**
 * Checks a token without asking any server: its form, that it is valid now and allows this use, that its owner signed it,
 * and that its sender has the session key. It cannot know whether the session was ended meanwhile. Never throws, whatever
 * the bytes. `TokenChecker` does the same for many tokens, and remembers which it has verified.
 *
 * @example
 * ```ts
 * import { checkToken, epochNow, type TokenProof } from 'sessiond/token'
 *
 * export function mayPut(token: Uint8Array, containerId: Uint8Array, proof: TokenProof): boolean {
 *   const use = { verb: 'OBJECT_PUT', object: { containerId }, epoch: epochNow(), proof } as const
 *   const verdict = checkToken(token, use)
 *   if (!verdict.isGood) {
 *     console.error(`${verdict.reason}: ${verdict.message}`)
 *   }
 *   return verdict.isGood
 * }
 * ```
 */
export function checkToken(
  token: Uint8Array,
  use: TokenUse,
  options: TokenCheckOptions = {},
): TokenVerdict {
  const read = tryRead(token)
  return 'reason' in read
    ? read
    : (useFault(read.token, use) ??
        ownerFault(read.token, options) ??
        signatureFault(read, options) ??
        proofFault(read.token, use, options) ?? { isGood: true, token: read.token })
}

/** A verdict that a token is not good. */
export type TokenFault = TokenVerdict & { readonly isGood: false }

export function fault(reason: TokenReason, message: string): TokenFault {
  return { isGood: false, reason, message }
}

export function tryRead(bytes: Uint8Array): ReadToken | TokenFault {
  try {
    return readToken(bytes)
  } catch (error) {
    if (isCallerError(error)) {
      return fault(error.code as TokenReason, error.message)
    }
    throw error
  }
}

/** Why the token does not allow this use; null if it does. */
export function useFault(
  token: SessionToken,
  { verb, object, epoch }: TokenUse,
): TokenFault | null {
  const { exp, nbf } = token.lifetime
  if (epoch < nbf) {
    return fault('NOT_YET_VALID', `the token is valid from epoch ${nbf}; it is ${epoch} now`)
  }
  if (epoch > exp) {
    return fault('EXPIRED', `epoch ${exp} was the last of the token; it is ${epoch} now`)
  }
  if (verb === 'any') {
    return null
  }
  if (verb !== token.verb) {
    return fault('VERB_NOT_ALLOWED', `the token is for ${token.verb}, not for ${verb}`)
  }
  return token.object === null || covers(token.object, object)
    ? null
    : fault('OBJECT_NOT_ALLOWED', 'the token is for another object')
}

function covers(allowed: ObjectAddress, asked: ObjectAddress | undefined): boolean {
  if (asked === undefined || !sameBytes(allowed.containerId, asked.containerId)) {
    return false
  }
  return (
    allowed.objectId === undefined ||
    (asked.objectId !== undefined && sameBytes(allowed.objectId, asked.objectId))
  )
}

const ownKey = selfCertifying({ of: n3Account, fault: n3AccountFault })

/** Why the signer may not speak for the owner; null if it may. */
export function ownerFault(
  { owner, signer }: SessionToken,
  { owners = 'self-certifying' }: TokenCheckOptions,
): TokenFault | null {
  if (owners !== 'self-certifying') {
    return owners(owner, signer)
      ? null
      : fault('OWNER_KEY_MISMATCH', 'the signing key may not speak for the owner')
  }
  const refusal = ownKey.refusal(owner, signer)
  return refusal && fault('OWNER_KEY_MISMATCH', refusal.message)
}

export function signatureFault(
  { token, body, signature }: ReadToken,
  { verify = platformVerify }: TokenCheckOptions,
): TokenFault | null {
  return verify(token.signer, signature, body)
    ? null
    : fault('BAD_SIGNATURE', "the owner's signature does not verify")
}

export function proofFault(
  { sessionKey }: SessionToken,
  { proof }: TokenUse,
  { verify = platformVerify }: TokenCheckOptions,
): TokenFault | null {
  return proof === 'not-asked' || verify(sessionKey, proof.signature, proof.content)
    ? null
    : fault('BAD_PROOF', 'the session key has not signed what came with the token')
}

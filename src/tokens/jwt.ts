import { p256 } from '@noble/curves/nist.js'
import { base64urlnopad } from '@scure/base'
import {
  calculateJwkThumbprint,
  decodeProtectedHeader,
  errors,
  importJWK,
  type JWK,
  type JWTPayload,
  jwtVerify,
} from 'jose'
import { P256_KEY_BYTES } from '../core/key-lengths.js'
import type { SessionClaims } from '../core/use/jwt-claims.js'
import type { Signer } from '../crypto/ed25519.js'

/** Of RFC 8037. */
const ALGORITHM = 'EdDSA'

/** A session's public key as a JSON Web Key: Ed25519 (RFC 8037) or P-256 (RFC 7518 section 6.2). */
export function sessionJwk(publicKey: Uint8Array): JWK {
  if (publicKey.length !== P256_KEY_BYTES) {
    return { kty: 'OKP', crv: 'Ed25519', x: base64urlnopad.encode(publicKey) }
  }
  const point = p256.Point.fromBytes(publicKey).toBytes(false)
  return {
    kty: 'EC',
    crv: 'P-256',
    x: base64urlnopad.encode(point.subarray(1, P256_KEY_BYTES)),
    y: base64urlnopad.encode(point.subarray(P256_KEY_BYTES)),
  }
}

/** An identity's public key as it stands in the JWKS, and to verify with. */
interface IdentityKey {
  readonly jwk: JWK & { readonly kid: string }
  readonly key: Awaited<ReturnType<typeof importJWK>>
}

/** By identity, of which there are two at most: made once. */
const identityKeys = new WeakMap<object, Promise<IdentityKey>>()

function identityKey(identity: Pick<Signer, 'publicKey'>): Promise<IdentityKey> {
  let made = identityKeys.get(identity)
  if (made === undefined) {
    made = makeIdentityKey(identity)
    identityKeys.set(identity, made)
  }
  return made
}

async function makeIdentityKey({ publicKey }: Pick<Signer, 'publicKey'>): Promise<IdentityKey> {
  const bare = sessionJwk(publicKey)
  const jwk = { ...bare, kid: await calculateJwkThumbprint(bare), alg: ALGORITHM, use: 'sig' }
  return { jwk, key: await importJWK(jwk, ALGORITHM) }
}

/** An identity's public key as it stands in the JWKS. Its `kid` is its thumbprint (RFC 7638). */
export async function identityJwk(identity: Pick<Signer, 'publicKey'>): Promise<JWK> {
  return (await identityKey(identity)).jwk
}

/**
 * A JWT of these claims that is bound to the session's key (`cnf.jwk`, RFC 7800), signed by the identity: a JWS in compact
 * form (RFC 7515 section 3.1). jose would need a copy of the private key.
 */
export async function signJwt(
  claims: SessionClaims,
  sessionKey: Uint8Array,
  identity: Signer,
): Promise<string> {
  const { kid } = (await identityKey(identity)).jwk
  const header = base64urlJson({ alg: ALGORITHM, typ: 'JWT', kid })
  const payload = base64urlJson({ ...claims, cnf: { jwk: sessionJwk(sessionKey) } })
  const signature = identity.sign(new TextEncoder().encode(`${header}.${payload}`))
  return `${header}.${payload}.${base64urlnopad.encode(new Uint8Array(signature))}`
}

function base64urlJson(value: object): string {
  return base64urlnopad.encode(new TextEncoder().encode(JSON.stringify(value)))
}

/** A JWT that one of the identities signed, or why it is not good. */
export type JwtVerdict =
  | { readonly isGood: true; readonly claims: JWTPayload; readonly sid: string }
  | {
      readonly isGood: false
      readonly reason: 'MALFORMED' | 'BAD_SIGNATURE' | 'NOT_YET_VALID' | 'EXPIRED'
    }

/** Checks signature and times of a JWT, not whom it is for. `now`: by the server's clock. */
export async function checkJwt(
  jwt: string,
  identities: readonly Pick<Signer, 'publicKey'>[],
  now: Date,
): Promise<JwtVerdict> {
  try {
    // Strictly: other text for the same bytes would be a second JWT of the first.
    for (const part of jwt.split('.')) {
      base64urlnopad.decode(part)
    }
    const { kid } = decodeProtectedHeader(jwt)
    const keys = await Promise.all(identities.map(identityKey))
    const signer = keys.find(({ jwk }) => jwk.kid === kid)
    if (signer === undefined) {
      return { isGood: false, reason: 'BAD_SIGNATURE' }
    }
    const { payload } = await jwtVerify(jwt, signer.key, {
      algorithms: [ALGORITHM],
      currentDate: now,
    })
    return typeof payload.sid === 'string'
      ? { isGood: true, claims: payload, sid: payload.sid }
      : { isGood: false, reason: 'MALFORMED' }
  } catch (error) {
    return { isGood: false, reason: reasonOf(error) }
  }
}

function reasonOf(error: unknown): (JwtVerdict & { isGood: false })['reason'] {
  if (error instanceof errors.JWTExpired) {
    return 'EXPIRED'
  }
  if (error instanceof errors.JWTClaimValidationFailed && error.claim === 'nbf') {
    return 'NOT_YET_VALID'
  }
  return error instanceof errors.JWSSignatureVerificationFailed ? 'BAD_SIGNATURE' : 'MALFORMED'
}

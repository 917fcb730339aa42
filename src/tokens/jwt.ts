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
  SignJWT,
} from 'jose'
import { P256_KEY_BYTES } from '../core/key-lengths.js'
import type { SessionClaims } from '../core/use/jwt-claims.js'
import type { SeededSigner, Signer } from '../crypto/ed25519.js'

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

/** An identity's public key as it stands in the JWKS. Its `kid` is its thumbprint (RFC 7638). */
export async function identityJwk({ publicKey }: Pick<Signer, 'publicKey'>): Promise<JWK> {
  const jwk = sessionJwk(publicKey)
  return { ...jwk, kid: await calculateJwkThumbprint(jwk), alg: ALGORITHM, use: 'sig' }
}

/** A JWT of these claims that is bound to the session's key (`cnf.jwk`, RFC 7800), signed by the identity. */
export async function signJwt(
  claims: SessionClaims,
  sessionKey: Uint8Array,
  identity: SeededSigner,
): Promise<string> {
  const { kid = '', ...jwk } = await identityJwk(identity)
  const key = await importJWK({ ...jwk, d: base64urlnopad.encode(identity.seed()) }, ALGORITHM)
  return new SignJWT({ ...(claims as unknown as JWTPayload), cnf: { jwk: sessionJwk(sessionKey) } })
    .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT', kid })
    .sign(key)
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
    const { kid } = decodeProtectedHeader(jwt)
    const keys = await Promise.all(identities.map(identityJwk))
    const jwk = keys.find((key) => key.kid === kid)
    if (jwk === undefined) {
      return { isGood: false, reason: 'BAD_SIGNATURE' }
    }
    const { payload } = await jwtVerify(jwt, await importJWK(jwk, ALGORITHM), {
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

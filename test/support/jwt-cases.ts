import { base64urlnopad } from '@scure/base'
import { importJWK, SignJWT } from 'jose'
import { sodiumEd25519 } from '../../src/crypto/sodium.js'
import { identityJwk, type JwtVerdict, signJwt } from '../../src/tokens/jwt.js'
import { carol, hop } from './envelope.js'

const seed = new Uint8Array(32).fill(4)
/** Who signs. */
export const identity = { ...sodiumEd25519.signer(seed), seed: () => seed }
export const claims = {
  iss: 'https://sessions.example',
  sub: 'owner',
  aud: 'gateway',
  iat: 1_700_000_000,
  nbf: 1_700_000_000,
  exp: 1_700_000_200,
  jti: '1',
  sid: '5d0f2c1e-7a52-4d0e-9a53-0b8c1f9a7e11',
}
const NOW = claims.nbf + 100

/** A JWT, and whether it is good at a time, in Unix seconds. */
export interface JwtCase {
  readonly what: string
  readonly jwt: string
  readonly now: number
  /** null: it is good. */
  readonly reason: Extract<JwtVerdict, { isGood: false }>['reason'] | null
}

const { kid, ...publicJwk } = await identityJwk(identity)
const privateKey = await importJWK({ ...publicJwk, d: base64urlnopad.encode(seed) }, 'EdDSA')
const signed = await signJwt(claims, hop.publicKey, identity)

/** Signed by the identity, but with another header or other claims. */
const otherwise = (header: object, payload: object = claims) =>
  new SignJWT({ ...payload })
    .setProtectedHeader({ alg: 'EdDSA', ...(kid && { kid }), ...header })
    .sign(privateKey)
const text = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
/** A part of the good one exchanged. */
const swap = (at: number, part: string, jwt = signed) =>
  jwt
    .split('.')
    .map((was, i) => (i === at ? part : was))
    .join('.')

const good = (what: string, jwt: string, now = NOW): JwtCase => ({ what, jwt, now, reason: null })
const refused = (what: string, jwt: string, reason: JwtCase['reason'], now = NOW): JwtCase => ({
  ...{ what, jwt, now, reason },
})

export const GOOD_JWTS: readonly JwtCase[] = [
  good('as the server signs it', signed),
  good('in its first second', signed, claims.nbf),
  good('in its last second', signed, claims.exp - 1),
  good('of a session key on P-256', await signJwt(claims, carol.publicKey, identity)),
  good('for two audiences', await otherwise({}, { ...claims, aud: ['other', 'gateway'] })),
]

export const REFUSED_JWTS: readonly JwtCase[] = [
  refused('before nbf', signed, 'NOT_YET_VALID', claims.nbf - 1),
  refused('at exp', signed, 'EXPIRED', claims.exp),
  refused('with other claims', swap(1, text({ ...claims, sub: 'x' })), 'BAD_SIGNATURE'),
  refused('with another signature', swap(2, 'A'.repeat(86)), 'BAD_SIGNATURE'),
  refused('without a signature', swap(2, '', swap(0, text({ alg: 'none' }))), 'BAD_SIGNATURE'),
  refused('of an unknown key', await otherwise({ kid: 'another' }), 'BAD_SIGNATURE'),
  refused('of another algorithm', swap(0, text({ alg: 'HS256', kid })), 'MALFORMED'),
  refused('without a session', await otherwise({}, { ...claims, sid: undefined }), 'MALFORMED'),
  refused('of two parts', 'a.b', 'MALFORMED'),
  refused('that is no JWT', '', 'MALFORMED'),
  refused(
    'with a critical extension',
    swap(0, text({ alg: 'EdDSA', crit: ['x'], x: 1, kid })),
    'MALFORMED',
  ),
]

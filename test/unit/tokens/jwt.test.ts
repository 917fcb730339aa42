import { base64urlnopad } from '@scure/base'
import { calculateJwkThumbprint, importJWK, SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { sodiumEd25519 } from '../../../src/crypto/sodium.js'
import { checkJwt, identityJwk, sessionJwk, signJwt } from '../../../src/tokens/jwt.js'
import { carol, hop } from '../../support/envelope.js'

const seed = new Uint8Array(32).fill(4)
const identity = { ...sodiumEd25519.signer(seed), seed: () => seed }
const NOW = new Date(1_700_000_100_000)
const claims = {
  iss: 'https://sessions.example',
  sub: 'owner',
  aud: 'gateway',
  iat: 1_700_000_000,
  nbf: 1_700_000_000,
  exp: 1_700_000_200,
  jti: '1',
  sid: '5d0f2c1e-7a52-4d0e-9a53-0b8c1f9a7e11',
}

describe('a key as a JSON Web Key', () => {
  it('is that of RFC 8037 appendix A.2, with the thumbprint of A.3', async () => {
    const x = '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'
    const jwk = sessionJwk(base64urlnopad.decode(x))
    expect(jwk).toEqual({ kty: 'OKP', crv: 'Ed25519', x })
    const { kid } = await identityJwk({ publicKey: base64urlnopad.decode(x) })
    expect(kid).toBe('kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k')
  })

  it('is that of RFC 6979 appendix A.2.5 for P-256', () => {
    const hexOf = (text = '') => Buffer.from(base64urlnopad.decode(text)).toString('hex')
    const { x, y, ...rest } = sessionJwk(carol.publicKey)
    expect(rest).toEqual({ kty: 'EC', crv: 'P-256' })
    expect(hexOf(x)).toBe('60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6')
    expect(hexOf(y)).toBe('7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299')
  })
})

describe('checkJwt', () => {
  const check = (jwt: string, now = NOW, identities = [hop, identity]) =>
    checkJwt(jwt, identities, now)
  const signed = () => signJwt(claims, hop.publicKey, identity)
  /** Signed by the identity, but with another header or other claims. */
  const otherwise = async (header: object, payload: object = claims) => {
    const { kid } = await identityJwk(identity)
    const jwk = { ...sessionJwk(identity.publicKey), d: base64urlnopad.encode(seed) }
    return new SignJWT({ ...payload })
      .setProtectedHeader({ alg: 'EdDSA', ...(kid && { kid }), ...header })
      .sign(await importJWK(jwk, 'EdDSA'))
  }
  const swap = (jwt: string, at: number, part: string) =>
    jwt
      .split('.')
      .map((was, i) => (i === at ? part : was))
      .join('.')
  const text = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

  it('accepts what the identity signed, and gives its claims', async () => {
    expect(await check(await signed())).toMatchObject({
      isGood: true,
      sid: claims.sid,
      claims: { ...claims, cnf: { jwk: sessionJwk(hop.publicKey) } },
    })
  })

  it.each<[string, () => Promise<string>, string, Date?]>([
    ['before nbf', signed, 'NOT_YET_VALID', new Date((claims.nbf - 1) * 1000)],
    ['at exp', signed, 'EXPIRED', new Date(claims.exp * 1000)],
    [
      'with other claims',
      async () => swap(await signed(), 1, text({ ...claims, sub: 'x' })),
      'BAD_SIGNATURE',
    ],
    [
      'with another signature',
      async () => swap(await signed(), 2, 'A'.repeat(86)),
      'BAD_SIGNATURE',
    ],
    [
      'without a signature',
      async () => swap(swap(await signed(), 0, text({ alg: 'none' })), 2, ''),
      'BAD_SIGNATURE',
    ],
    ['of an unknown key', () => otherwise({ kid: 'another' }), 'BAD_SIGNATURE'],
    [
      'of another algorithm',
      async () =>
        swap(await signed(), 0, text({ alg: 'HS256', kid: (await identityJwk(identity)).kid })),
      'MALFORMED',
    ],
    ['without a session', () => otherwise({}, { ...claims, sid: undefined }), 'MALFORMED'],
    ['of two parts', async () => 'a.b', 'MALFORMED'],
    ['that is no JWT', async () => '', 'MALFORMED'],
    [
      'with a critical extension',
      () =>
        otherwise({ crit: ['x'], x: 1 }).catch(async () =>
          swap(
            await signed(),
            0,
            text({ alg: 'EdDSA', crit: ['x'], x: 1, kid: (await identityJwk(identity)).kid }),
          ),
        ),
      'MALFORMED',
    ],
  ])('refuses one %s', async (_, make, reason, now) => {
    expect(await check(await make(), now)).toEqual({ isGood: false, reason })
  })

  it('knows keys by their thumbprints', async () => {
    const { kid, ...jwk } = await identityJwk(identity)
    expect(kid).toBe(await calculateJwkThumbprint(jwk))
    expect(await check(await signed(), NOW, [hop])).toEqual({
      isGood: false,
      reason: 'BAD_SIGNATURE',
    })
  })
})

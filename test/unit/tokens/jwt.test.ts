import { base64urlnopad } from '@scure/base'
import { calculateJwkThumbprint } from 'jose'
import { describe, expect, it } from 'vitest'
import { checkJwt, identityJwk, sessionJwk } from '../../../src/tokens/jwt.js'
import { carol, hop } from '../../support/envelope.js'
import { claims, GOOD_JWTS, identity, REFUSED_JWTS } from '../../support/jwt-cases.js'

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
  const check = (jwt: string, now: number, identities = [hop, identity]) =>
    checkJwt(jwt, identities, new Date(now * 1000))

  it.each(GOOD_JWTS)('accepts one $what', async ({ jwt, now }) => {
    expect(await check(jwt, now)).toMatchObject({ isGood: true, sid: claims.sid })
  })

  it('gives the claims of what the identity signed', async () => {
    const [{ jwt, now } = { jwt: '', now: 0 }] = GOOD_JWTS
    expect(await check(jwt, now)).toMatchObject({
      claims: { ...claims, cnf: { jwk: sessionJwk(hop.publicKey) } },
    })
  })

  it.each(REFUSED_JWTS)('refuses one $what', async ({ jwt, now, reason }) => {
    expect(await check(jwt, now)).toEqual({ isGood: false, reason })
  })

  it('knows keys by their thumbprints', async () => {
    const { kid, ...jwk } = await identityJwk(identity)
    expect(kid).toBe(await calculateJwkThumbprint(jwk))
    const [{ jwt, now } = { jwt: '', now: 0 }] = GOOD_JWTS
    expect(await check(jwt, now, [hop])).toEqual({ isGood: false, reason: 'BAD_SIGNATURE' })
  })
})

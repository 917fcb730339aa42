import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { checkJwt, identityJwk } from '../../src/tokens/jwt.js'
import { claims, GOOD_JWTS, identity, type JwtCase, REFUSED_JWTS } from '../support/jwt-cases.js'

/** What programs in other languages check: `test/interop/python/check_jwts.py` does, with PyJWT. */
const FILE = new URL('jwts.json', import.meta.url)

/** All that fixed keys give. */
const made = {
  issuer: claims.iss,
  audience: claims.aud,
  jwks: { keys: [await identityJwk(identity)] },
  jwts: [...GOOD_JWTS, ...REFUSED_JWTS],
}
if (process.env.SESSIOND_WRITE_VECTORS) {
  writeFileSync(FILE, `${JSON.stringify(made, null, 2)}\n`)
}
const vectors: typeof made = JSON.parse(readFileSync(FILE, 'utf8'))

describe('test/vectors/jwts.json', () => {
  it('has the cases of the tests (SESSIOND_WRITE_VECTORS=1 writes it anew)', () => {
    expect(vectors).toEqual(made)
  })

  it.each<JwtCase>(vectors.jwts)('$what: $reason', async ({ jwt, now, reason }) => {
    const publicKey = Buffer.from(vectors.jwks.keys[0]?.x ?? '', 'base64url')
    const verdict = await checkJwt(jwt, [{ publicKey }], new Date(now * 1000))
    expect('reason' in verdict ? verdict.reason : null).toBe(reason)
  })
})

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import type { JwtCase } from '../support/jwt-cases.js'
import { havePython, python } from '../support/python.js'

const VECTORS = fileURLToPath(new URL('../vectors/jwts.json', import.meta.url))
const CHECK = fileURLToPath(new URL('python/check_jwts.py', import.meta.url))

/** What PyJWT calls our reasons. */
const NAMES: Record<NonNullable<JwtCase['reason']>, RegExp> = {
  NOT_YET_VALID: /^ImmatureSignatureError$/,
  EXPIRED: /^ExpiredSignatureError$/,
  BAD_SIGNATURE: /^(InvalidSignature|UnknownKey)Error$/,
  MALFORMED: /^(Decode|InvalidAlgorithm|MissingRequiredClaim|InvalidToken)Error$/,
}

describe.skipIf(!havePython('jwt, cryptography'))('JWTs in PyJWT', () => {
  it('are good, or refused for the same reasons, as test/vectors/jwts.json has', async () => {
    const { jwts }: { jwts: readonly JwtCase[] } = JSON.parse(readFileSync(VECTORS, 'utf8'))
    const seen: readonly (string | null)[] = JSON.parse(await python([CHECK, VECTORS]))
    expect(seen).toHaveLength(jwts.length)
    for (const [i, { what, reason }] of jwts.entries()) {
      expect(`${seen[i]}`, what).toMatch(reason === null ? /^null$/ : NAMES[reason])
    }
  })
})

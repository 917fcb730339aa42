import { expect } from 'vitest'
import { SessionToken } from '#generated/service/meta'
import { sessionToken } from '../../src/envelope/shapes.js'
import { checkToken, tryRead } from '../../src/tokens/check.js'
import { TokenChecker } from '../../src/tokens/checker.js'
import { encodeToken, tokenFromText, VERBS } from '../../src/tokens/token.js'
import { mutate } from '../support/mutate.js'
import { GOOD_TOKENS } from '../support/token-cases.js'
import { useOf } from '../support/tokens.js'
import { fuzz } from './engine.js'
import { mutateBytes } from './mutations.js'

const tokens = GOOD_TOKENS.map(([, token]) => token)
const checker = new TokenChecker({ cacheBytes: 100_000 })

fuzz({
  name: 'session-token',
  seeds: tokens,
  mutate: (random, originals) =>
    random(2) === 0
      ? mutateBytes(random, originals)
      : Buffer.from(mutate(random, tokens, sessionToken)),
  reaches: ['accepted', 'MALFORMED', 'MISSING_FIELD', 'INVALID_FIELD', 'BAD_SIGNATURE'],
  check(received) {
    // No Buffer: what is read of one is one too, and would not equal what is read of a copy.
    const input = new Uint8Array(received)
    const verdict = checkToken(input, useOf())
    expect(checker.check(input, useOf())).toEqual(verdict)
    const read = tryRead(input)
    if (!('reason' in read)) {
      // What is read of the slices, every decoder reads of the whole; and this is the only form of it.
      const { token, signature } = SessionToken.decode(input)
      expect(VERBS[Number(token?.verb)]).toBe(read.token.verb)
      expect(token?.lifetime).toEqual(read.token.lifetime)
      expect(Buffer.compare(token?.ownerId?.value ?? Buffer.of(), read.token.owner)).toBe(0)
      expect(Buffer.compare(token?.sessionKey ?? Buffer.of(), read.token.sessionKey)).toBe(0)
      expect(token?.objectAddress === undefined).toBe(read.token.object === null)
      const { key = Buffer.of(), sign = Buffer.of() } = signature ?? {}
      expect(Buffer.compare(encodeToken(read.body, key, sign), input)).toBe(0)
    }
    return verdict.isGood ? 'accepted' : verdict.reason
  },
})

fuzz({
  name: 'session-token-text',
  seeds: tokens.map((token) => Buffer.from(token).toString('base64url')),
  mutate: mutateBytes,
  reaches: ['accepted', 'MALFORMED'],
  check(input) {
    const text = input.toString('latin1')
    try {
      // One text for the bytes, as one form for the token.
      expect(Buffer.from(tokenFromText(text)).toString('base64url')).toBe(text)
      return 'accepted'
    } catch (error) {
      return (error as { code: string }).code
    }
  },
})

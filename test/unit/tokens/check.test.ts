import { describe, expect, it } from 'vitest'
import { SessionToken_Body_Verb } from '#generated/service/meta'
import { schemeVerifier } from '../../../src/crypto/schemes.js'
import { sodiumEd25519 } from '../../../src/crypto/sodium.js'
import {
  checkToken,
  epochNow,
  type TokenCheckOptions,
  type TokenReason,
  type TokenUse,
} from '../../../src/tokens/check.js'
import { TokenChecker } from '../../../src/tokens/checker.js'
import { VERBS } from '../../../src/tokens/token.js'
import { alice, hop } from '../../support/envelope.js'
import { GOOD_TOKENS, REFUSED_TOKENS } from '../../support/token-cases.js'
import {
  CONTAINER,
  EXP,
  NBF,
  OBJECT,
  SESSION_ID,
  sessionKey,
  tokenWith,
  useOf,
} from '../../support/tokens.js'

const both = [
  [
    'checkToken',
    (options: TokenCheckOptions) => (token: Uint8Array, use: TokenUse) =>
      checkToken(token, use, options),
  ],
  [
    'a TokenChecker that has seen all',
    (options: TokenCheckOptions) => {
      const checker = new TokenChecker(options)
      return (token: Uint8Array, use: TokenUse) => {
        // Once for a use that it allows, so that what can be remembered is.
        checker.check(token, useOf())
        checker.check(tokenWith(), useOf())
        return checker.check(token, use)
      }
    },
  ],
] as const

describe.each(both)('%s', (_, checking) => {
  it.each(REFUSED_TOKENS)('refuses $what: $reason', ({ token, use, options = {}, reason }) => {
    const verdict = checking(options)(token, useOf(use))
    expect(verdict).toEqual({ isGood: false, reason, message: expect.stringMatching(/\w/) })
  })

  it('asks of a token only whether it is good, where that is all', () => {
    const use = { verb: 'any', object: undefined } as const
    const check = checking({})
    expect(check(tokenWith({ verb: 4 }), useOf(use)).isGood).toBe(true)
    expect(check(tokenWith({ verb: 4 }), useOf({ ...use, epoch: EXP + 1n }))).toMatchObject({
      reason: 'EXPIRED',
    })
  })

  it.each(GOOD_TOKENS)('accepts %s', (_, token, use) => {
    expect(checking({})(token, useOf(use))).toMatchObject({
      isGood: true,
      token: { id: SESSION_ID },
    })
  })

  it('asks the own rule which keys may speak for an owner', () => {
    const asked: string[] = []
    const owners = (owner: Uint8Array, signer: Uint8Array) => {
      asked.push(Buffer.from(owner).toString())
      return Buffer.compare(signer, hop.publicKey) === 0
    }
    const token = tokenWith({ ownerId: { value: Buffer.from('team-a') } }, hop)
    expect(checking({ owners })(token, useOf()).isGood).toBe(true)
    expect(asked).toContain('team-a')
  })

  it('verifies by what it is given', () => {
    const verify = schemeVerifier(sodiumEd25519)
    expect(checking({ verify })(tokenWith(), useOf()).isGood).toBe(true)
    expect(checking({ verify: () => false })(tokenWith(), useOf())).toMatchObject({
      reason: 'BAD_SIGNATURE',
    })
  })
})

it('has a row for every reason', () => {
  const reasons: Record<TokenReason, true> = {
    MALFORMED: true,
    MISSING_FIELD: true,
    INVALID_FIELD: true,
    NOT_YET_VALID: true,
    EXPIRED: true,
    VERB_NOT_ALLOWED: true,
    OBJECT_NOT_ALLOWED: true,
    OWNER_KEY_MISMATCH: true,
    BAD_SIGNATURE: true,
    BAD_PROOF: true,
  }
  expect(new Set(REFUSED_TOKENS.map(({ reason }) => reason))).toEqual(new Set(Object.keys(reasons)))
})

it('says what the token allows', () => {
  const verdict = checkToken(new Uint8Array(tokenWith()), useOf())
  expect(verdict).toEqual({
    isGood: true,
    token: {
      id: SESSION_ID,
      owner: Uint8Array.from(alice.publicKey),
      verb: 'OBJECT_GET',
      lifetime: { exp: EXP, nbf: NBF, iat: NBF },
      sessionKey: Uint8Array.from(sessionKey.publicKey),
      object: { containerId: new Uint8Array(CONTAINER), objectId: new Uint8Array(OBJECT) },
      signer: Uint8Array.from(alice.publicKey),
    },
  })
})

it('has the verbs of the contract, by their numbers', () => {
  const numbers = Object.entries(SessionToken_Body_Verb).filter(([, number]) => Number(number) >= 0)
  expect(Object.fromEntries(VERBS.map((verb, number) => [verb, number]))).toEqual(
    Object.fromEntries(numbers.filter(([name]) => /^\D/.test(name))),
  )
})

it('counts epochs as the server does', () => {
  const before = Math.floor(Date.now() / 1000)
  const now = Number(epochNow())
  expect(now).toBeGreaterThanOrEqual(before)
  expect(now).toBeLessThanOrEqual(Math.floor(Date.now() / 1000))
  expect(epochNow({ genesisAtMs: Date.now() + 1000, lengthMs: 60_000 })).toBe(-1n)
})

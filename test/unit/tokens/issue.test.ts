import { describe, expect, it } from 'vitest'
import { checkToken } from '../../../src/tokens/check.js'
import { issueToken, type TokenOptions } from '../../../src/tokens/issue.js'
import { tokenFromText, tokenToText, VERBS } from '../../../src/tokens/token.js'
import { alice, carol, carolSha512 } from '../../support/envelope.js'
import {
  CAROLS_ACCOUNT,
  CONTAINER,
  EXP,
  NBF,
  OBJECT,
  SESSION_ID,
  sessionKey,
  useOf,
} from '../../support/tokens.js'

const session = {
  id: SESSION_ID,
  publicKey: sessionKey.publicKey,
  owner: alice.publicKey,
  lifetime: { exp: EXP, nbf: NBF, iat: NBF },
}
const carols = { ...session, owner: CAROLS_ACCOUNT }
const object = { containerId: CONTAINER, objectId: OBJECT }

describe('issueToken', () => {
  it.each(VERBS)('makes a token for %s that checkToken accepts for that alone', async (verb) => {
    const token = await issueToken({ session, verb, object }, alice)
    for (const asked of VERBS) {
      expect(checkToken(token, useOf({ verb: asked })).isGood).toBe(asked === verb)
    }
  })

  it.each([
    ['an Ed25519 owner', session, alice],
    ['a P-256 owner', carols, carol],
    ['a P-256 owner, by SHA-512', carols, carolSha512],
  ])('signs for %s', async (_, of, signer) => {
    const token = await issueToken({ session: of, verb: 'OBJECT_GET' }, signer)
    expect(checkToken(token, useOf())).toMatchObject({ isGood: true, token: { object: null } })
  })

  it('waits for a signer that takes its time, as keys that cannot be exported do', async () => {
    const { publicKey } = alice
    const signer = { publicKey, sign: async (message: Uint8Array) => alice.sign(message) }
    const token = await issueToken({ session, verb: 'OBJECT_GET' }, signer)
    expect(checkToken(token, useOf()).isGood).toBe(true)
  })

  it('gives a token less time than its session has', async () => {
    const lifetime = { nbf: NBF + 5n, exp: NBF + 9n }
    const token = await issueToken({ session, verb: 'OBJECT_GET', lifetime }, alice)
    const epochs = [NBF + 4n, NBF + 5n, NBF + 9n, NBF + 10n]
    expect(epochs.map((epoch) => checkToken(token, useOf({ epoch })).isGood)).toEqual([
      false,
      true,
      true,
      false,
    ])
  })

  const good: TokenOptions = { session, verb: 'OBJECT_GET', object }
  it.each<[string, TokenOptions, string, string]>([
    [
      'a token that outlives its session',
      { ...good, lifetime: { exp: EXP + 1n } },
      'INVALID_FIELD',
      'token.lifetime.exp',
    ],
    [
      'a token that begins before its session',
      { ...good, lifetime: { nbf: NBF - 1n } },
      'INVALID_FIELD',
      'token.lifetime.nbf',
    ],
    [
      'a token that ends before it begins',
      { ...good, lifetime: { exp: NBF + 1n, nbf: NBF + 2n } },
      'INVALID_FIELD',
      'token.lifetime.nbf',
    ],
    [
      'an id that is no UUID',
      { ...good, session: { ...session, id: 'session-1' } },
      'INVALID_FIELD',
      'token.id',
    ],
    [
      'a key that is none',
      { ...good, session: { ...session, publicKey: new Uint8Array(3) } },
      'INVALID_FIELD',
      'token.session_key',
    ],
    [
      'an owner of no bytes',
      { ...good, session: { ...session, owner: new Uint8Array() } },
      'MISSING_FIELD',
      'token.owner_id.value',
    ],
    [
      'a verb of which there is none',
      { ...good, verb: 'OBJECT_EAT' as 'OBJECT_GET' },
      'INVALID_FIELD',
      'token.verb',
    ],
    [
      'a container of no bytes',
      { ...good, object: { containerId: new Uint8Array() } },
      'MISSING_FIELD',
      'token.object_address.container_id',
    ],
  ])('refuses %s', async (_, options, code, field) => {
    await expect(issueToken(options, alice)).rejects.toMatchObject({ code, field })
  })
})

describe('a token as text', () => {
  it('is base64url without padding, and comes back as it was', async () => {
    const token = await issueToken({ session, verb: 'OBJECT_GET' }, alice)
    const text = tokenToText(token)
    expect(text).toBe(Buffer.from(token).toString('base64url'))
    expect(Buffer.compare(tokenFromText(text), token)).toBe(0)
  })

  it.each([
    ['padding', 'AA=='],
    ['characters of plain base64', '+/AA'],
    ['bits that stand for nothing', 'AB'],
    ['blanks', 'AA AA'],
    ['more than a token has', 'A'.repeat(1400)],
  ])('is refused with %s', (_, text) => {
    expect(() => tokenFromText(text)).toThrow(expect.objectContaining({ code: 'MALFORMED' }))
  })
})

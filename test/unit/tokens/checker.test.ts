import { expect, it } from 'vitest'
import { verify as verifyHere } from '#tokens/verify'
import type { Verify } from '../../../src/crypto/schemes.js'
import { TokenChecker } from '../../../src/tokens/checker.js'
import { alice } from '../../support/envelope.js'
import { NBF, sessionKey, tokenWith, useOf } from '../../support/tokens.js'

/** A checker, and the keys under which it has had signatures verified. */
function counted(cacheBytes?: number) {
  const keys: string[] = []
  const verify: Verify = (key, sign, message) => {
    keys.push(
      key === undefined
        ? ''
        : Buffer.compare(key, sessionKey.publicKey) === 0
          ? 'session'
          : 'owner',
    )
    return verifyHere(key, sign, message)
  }
  const checker = new TokenChecker({ verify, ...(cacheBytes !== undefined && { cacheBytes }) })
  return { checker, keys }
}

it("verifies the owner's signature once, and every proof", () => {
  const { checker, keys } = counted()
  for (let i = 0; i < 3; i++) {
    expect(checker.check(tokenWith(), useOf()).isGood).toBe(true)
  }
  expect(keys).toEqual(['owner', 'session', 'session', 'session'])
})

it('remembers no token that was refused', () => {
  const { checker, keys } = counted()
  const forged = tokenWith({}, { publicKey: alice.publicKey, sign: () => new Uint8Array(64) })
  for (let i = 0; i < 3; i++) {
    expect(checker.check(forged, useOf())).toMatchObject({ reason: 'BAD_SIGNATURE' })
  }
  expect(keys).toEqual(['owner', 'owner', 'owner'])
})

it('remembers a good token that came with a bad proof', () => {
  const { checker, keys } = counted()
  const proof = { content: new Uint8Array(1), signature: new Uint8Array(64) }
  checker.check(tokenWith(), useOf({ proof }))
  expect(checker.check(tokenWith(), useOf({ proof: 'not-asked' })).isGood).toBe(true)
  expect(keys).toEqual(['owner', 'session'])
})

it('forgets the tokens that were not seen for longest, within its memory', () => {
  const { checker, keys } = counted(10_000)
  const tokens = Array.from({ length: 50 }, (_, i) =>
    tokenWith({ lifetime: { exp: NBF + 9n, nbf: NBF, iat: BigInt(i) } }),
  )
  const use = useOf({ proof: 'not-asked' })
  for (const token of tokens) {
    checker.check(token, use)
  }
  checker.check(tokens.at(-1) as Buffer, use)
  expect(keys).toHaveLength(50)
  checker.check(tokens[0] as Buffer, use)
  expect(keys).toHaveLength(51)
})

it('does not depend on the bytes that it was given once', () => {
  const { checker } = counted()
  const received = tokenWith()
  const verdict = checker.check(received, useOf())
  received.fill(0)
  expect(verdict).toMatchObject({ token: { owner: Uint8Array.from(alice.publicKey) } })
  expect(checker.check(tokenWith(), useOf())).toEqual(verdict)
})

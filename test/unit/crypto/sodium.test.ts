import { randomBytes } from 'node:crypto'
import { ed25519 } from '@noble/curves/ed25519.js'
import { expect, it } from 'vitest'
import { signOnce, sodiumEd25519 } from '../../../src/crypto/sodium.js'

it('signs with the key of a seed as RFC 8032 says, and leaves the seed to its caller', () => {
  const seed = randomBytes(32)
  const before = Buffer.from(seed)
  const messages = [Buffer.from('one'), Buffer.alloc(0), randomBytes(5000)]
  const made = signOnce(seed, sodiumEd25519.publicKey(seed), messages)
  const expected = messages.map((message) => Buffer.from(ed25519.sign(message, seed)))
  expect(made.map((signature) => Buffer.from(signature))).toEqual(expected)
  expect(seed).toEqual(before)
})

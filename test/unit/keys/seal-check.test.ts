import { randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import type { Token } from '../../../src/core/session.js'
import { sealSeed } from '../../../src/crypto/seal.js'
import { sodiumEd25519 } from '../../../src/crypto/sodium.js'
import { sealCheck } from '../../../src/keys/seal-check.js'
import { generateSealingKeys } from '../../../src/keys/sealing-keys.js'
import { commandSession, tokenSession } from '../../support/store-sessions.js'

const seed = Uint8Array.from(randomBytes(32))
const token: Token = {
  ...(tokenSession('s').token as Token),
  publicKey: Uint8Array.from(sodiumEd25519.publicKey(seed)),
}
const session = tokenSession('s', { token })
const keys = generateSealingKeys(randomBytes)
const seal = sealSeed(keys, seed, 's', token)
const trySeal = sealCheck(() => keys)

it('a seal opens to the seed of its session’s public key', () => {
  expect(trySeal(session, seal)).toEqual({ opens: true })
})

it('a seal of another key pair does not open, although it decrypts', () => {
  const other = sealSeed(keys, Uint8Array.from(randomBytes(32)), 's', token)
  expect(trySeal(session, other)).toEqual({
    opens: false,
    reason: expect.stringContaining('is not that of its public key'),
    isKeyMissing: false,
  })
})

it('a seal of a session that a command opened does not open', () => {
  expect(trySeal(commandSession('s'), seal)).toMatchObject({ opens: false, isKeyMissing: false })
})

it('a seal that was altered is told from one whose sealing key is missing', () => {
  const altered = Uint8Array.from(seal, (byte, i) => (i === seal.length - 1 ? byte ^ 1 : byte))
  expect(trySeal(session, altered)).toMatchObject({ opens: false, isKeyMissing: false })
  const withOthers = sealCheck(() => generateSealingKeys(randomBytes))
  expect(withOthers(session, seal)).toMatchObject({ opens: false, isKeyMissing: true })
})

it('the keys are asked for each time, since they change while a server runs', () => {
  let current = generateSealingKeys(randomBytes)
  const check = sealCheck(() => current)
  expect(check(session, seal).opens).toBe(false)
  current = keys
  expect(check(session, seal).opens).toBe(true)
})

it('what is no fault of the seal is no verdict', () => {
  const broken = sealCheck(() => {
    throw new TypeError('a fault of ours')
  })
  expect(() => broken(session, seal)).toThrow('a fault of ours')
  const withoutKeys = sealCheck(() => ({ ...keys, keys: undefined as never }))
  expect(() => withoutKeys(session, seal)).toThrow(TypeError)
})

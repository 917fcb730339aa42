import { randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { sodiumEd25519 } from '../../../src/crypto/sodium.js'
import { runJob } from '../../../src/minting/run.js'
import { newPoolKeys } from '../../support/minting.js'

const mint = {
  owner: new Uint8Array(32).fill(1),
  lifetime: { exp: 2n, nbf: 1n, iat: 1n },
  idBits: null,
  meta: null,
}

it('makes id, key and nonce of one draw, and wipes it', () => {
  let drawn = new Uint8Array()
  const given = Uint8Array.from(randomBytes(72))
  const { minted } = runJob({ checks: [], mint }, newPoolKeys(), (length) => {
    expect(length).toBe(72)
    drawn = Uint8Array.from(given)
    return drawn
  })
  expect(minted?.publicKey).toEqual(sodiumEd25519.publicKey(given.subarray(16, 48)))
  expect([minted?.id[0], minted?.id[15]]).toEqual([given[0], given[15]])
  expect(Buffer.from(minted?.seal ?? []).includes(Buffer.from(given.subarray(48)))).toBe(true)
  expect(drawn).toEqual(new Uint8Array(72))
})

it('never gives two sessions the same bytes, however many it makes', () => {
  const keys = newPoolKeys()
  const made = Array.from({ length: 2000 }, () => runJob({ checks: [], mint }, keys).minted)
  const texts = made.map((minted) => Buffer.from(minted?.publicKey ?? []).toString('hex'))
  expect(new Set(texts).size).toBe(2000)
})

it('draws nothing where a check fails', () => {
  const check = { key: new Uint8Array(32), sign: new Uint8Array(64), content: new Uint8Array() }
  const outcome = runJob({ checks: [check], mint }, newPoolKeys(), () => {
    throw new Error('drawn')
  })
  expect(outcome).toMatchObject({ failedCheck: 0, minted: null })
})

it('signs an answer once every check has passed, and not before', () => {
  const keys = newPoolKeys()
  const answer = randomBytes(100)
  const { answered } = runJob({ checks: [], mint: null, answer }, keys)
  const { publicKey } = keys.identity
  expect(answered?.signer).toEqual(publicKey)
  expect(sodiumEd25519.verify(publicKey, answer, answered?.signature as Uint8Array)).toBe(true)
  const check = { key: new Uint8Array(32), sign: new Uint8Array(64), content: new Uint8Array() }
  expect(runJob({ checks: [check], mint: null, answer }, keys).answered).toBeUndefined()
})

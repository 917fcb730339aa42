import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { SignResponse_Body } from '#generated/sessiond/v1/tokens'
import { SealError } from '../../../src/core/errors.js'
import { sealSeed } from '../../../src/crypto/seal.js'
import { sodiumEd25519 } from '../../../src/crypto/sodium.js'
import { naclEd25519 } from '../../../src/crypto/tweetnacl.js'
import type { SignedAnswer } from '../../../src/minting/job.js'
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

describe('the use of a session key', () => {
  const keys = newPoolKeys()
  const seed = randomBytes(32)
  const binding = { ...mint, publicKey: sodiumEd25519.publicKey(seed) }
  const use = {
    seal: sealSeed(keys.sealing, seed, 'a session', binding),
    sessionId: 'a session',
    binding,
    data: [randomBytes(10), new Uint8Array(), randomBytes(70_000)],
    request: randomBytes(32),
  }

  it('makes the body of the answer with a signature of each string, and signs it', () => {
    const { used, answered } = runJob({ checks: [], mint: null, use }, keys)
    const body = SignResponse_Body.decode(used as Uint8Array)
    expect(body.request).toEqual(use.request)
    const hold = body.signatures.map((signature, i) =>
      naclEd25519.verify(binding.publicKey, use.data[i] as Uint8Array, signature),
    )
    expect(hold).toEqual([true, true, true])
    const { publicKey } = keys.identity
    const { signature, signer } = answered as SignedAnswer
    expect(signer).toEqual(publicKey)
    expect(naclEd25519.verify(publicKey, used as Uint8Array, signature)).toBe(true)
  })

  it('makes nothing where the seal is of another session, or a check fails', () => {
    const other = { ...use, sessionId: 'another' }
    expect(() => runJob({ checks: [], mint: null, use: other }, keys)).toThrow(SealError)
    const check = { key: new Uint8Array(32), sign: new Uint8Array(64), content: new Uint8Array() }
    const outcome = runJob({ checks: [check], mint: null, use }, keys)
    expect([outcome.failedCheck, outcome.used, outcome.answered]).toEqual([0, undefined, undefined])
  })
})

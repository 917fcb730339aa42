import { describe, expect, it } from 'vitest'
import { EpochClock } from '../../../src/core/epoch.js'
import { SignatureError } from '../../../src/core/errors.js'
import { newSession } from '../../../src/core/session.js'
import { openSeal, sealKeyId } from '../../../src/crypto/seal.js'
import { verifyChain } from '../../../src/envelope/chain.js'
import { readCreateRequest, readCreateResponse } from '../../../src/envelope/create.js'
import { requestDigest } from '../../../src/envelope/digest.js'
import { readMessage } from '../../../src/envelope/message.js'
import { tokens } from '../../../src/envelope/shapes.js'
import type { PoolKeys } from '../../../src/minting/pool.js'
import type { MintedKey } from '../../../src/minting/prover.js'
import { createRequest, newOwner } from '../../support/create.js'
import { verifiers } from '../../support/envelope.js'
import { mintingAt, newPoolKeys } from '../../support/minting.js'

function setUp() {
  const state = { nowMs: 1_700_000_000_000, keys: newPoolKeys() }
  const clock = new EpochClock({ genesisAtMs: 0, lengthMs: 1000 }, () => state.nowMs)
  const minting = mintingAt(clock, () => state.keys)
  /** How many signatures each job had to check. */
  const asked: number[] = []
  const run = minting.pool.run.bind(minting.pool)
  minting.pool.run = (job) => {
    asked.push(job.checks.length)
    return run(job)
  }
  /** As the service does. */
  async function mint(bytes: Uint8Array) {
    const { prover, answers } = minting
    const request = readCreateRequest(bytes)
    const meta = answers.metaFor(request)
    const key = await prover.proveAndMint(request, answers.knows(meta) ? null : meta)
    const answer = (of: MintedKey = key) => answers.answer(sessionOf(of, request), meta, key.minted)
    return { request, key, answer }
  }
  return { ...minting, state, asked, mint }
}

function sessionOf(key: MintedKey, { owner, lifetime }: ReturnType<typeof readCreateRequest>) {
  const token = { owner, lifetime, publicKey: key.publicKey }
  const session = newSession({ id: key.id, userId: '', address: '', client: '', token }, 0)
  return { ...session, token }
}

/** Fails unless the answer is signed throughout, by this identity. */
function readEntry(bytes: Buffer, { identity }: PoolKeys) {
  const answer = readCreateResponse(bytes)
  expect(verifyChain(answer.message, verifiers)).toEqual(Buffer.from(identity.publicKey))
  return answer
}

/** The same request with the last bytes of its last signature changed. */
function damaged(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  const last = copy.length - 1
  copy[last] = (copy[last] as number) ^ 1
  return copy
}

describe('a proof', () => {
  it('checks a header that recurs once, and a body each time', async () => {
    const { told, prover } = setUp()
    const request = readCreateRequest(createRequest())
    for (let i = 0; i < 3; i++) {
      await prover.prove(request)
    }
    expect(told).toMatchObject({ verified: 3, proofs: 3 })
  })

  it('remembers no meta header with an idempotency key, which never recurs', async () => {
    const { asked, prover } = setUp()
    const signer = newOwner()
    for (const key of ['a', 'a', 'b']) {
      const bytes = createRequest({ signer, xHeaders: { 'idempotency-key': key } })
      await prover.prove(readCreateRequest(bytes))
    }
    // Body, meta header and origin; then the last is known.
    expect(asked).toEqual([3, 2, 2])
  })

  it('is refused where a signature does not verify, with the place of the first', async () => {
    const { prover, mint } = setUp()
    const bytes = damaged(createRequest())
    const refusal = expect.objectContaining({ field: 'verify_header.origin_signature' })
    await expect(prover.prove(readCreateRequest(bytes))).rejects.toEqual(refusal)
    await expect(mint(bytes)).rejects.toThrow(SignatureError)
  })

  it('remembers no header that it did not check, or that failed', async () => {
    const { prover } = setUp()
    const bytes = damaged(createRequest())
    for (let i = 0; i < 2; i++) {
      await expect(prover.prove(readCreateRequest(bytes))).rejects.toThrow(SignatureError)
    }
  })
})

describe('an answer that is signed together with the proof', () => {
  const body = Buffer.of(0x10, 1)
  const shape = tokens.revokeResponse
  const signedBy = (answer: Buffer) => readMessage(answer, shape).message

  it('costs no further signature over its body', async () => {
    const { prover, answers, told, state } = setUp()
    const request = readCreateRequest(createRequest())
    const made = await prover.proveAndSign(request, body)
    expect(told).toMatchObject({ verified: 1, signed: 1 })
    const message = signedBy(answers.sign(shape, body, made))
    expect(verifyChain(message, verifiers)).toEqual(Buffer.from(state.keys.identity.publicKey))
    // The meta header alone.
    expect(told.signed).toBe(2)
    answers.sign(shape, body, made)
    expect(told.signed).toBe(2)
  })

  it('is not signed where the request is not', async () => {
    const { prover, told } = setUp()
    const request = readCreateRequest(damaged(createRequest()))
    await expect(prover.proveAndSign(request, body)).rejects.toThrow(SignatureError)
    expect(told.signed).toBe(0)
  })

  it('is signed anew where the identity has changed meanwhile', async () => {
    const { prover, answers, state } = setUp()
    const made = await prover.proveAndSign(readCreateRequest(createRequest()), body)
    state.keys = newPoolKeys()
    const message = signedBy(answers.sign(shape, body, made))
    expect(verifyChain(message, verifiers)).toEqual(Buffer.from(state.keys.identity.publicKey))
  })

  it('is refused where a proof besides does not hold, by its name', async () => {
    const { prover } = setUp()
    const other = { field: 'proof', key: newOwner().publicKey, sign: new Uint8Array(64) }
    const proof = { ...other, content: body, isHeader: false }
    const request = readCreateRequest(createRequest())
    await expect(prover.prove(request, [proof])).rejects.toMatchObject({ field: 'proof' })
  })
})

describe('a session key', () => {
  it('is sealed for its session', async () => {
    const { mint, state } = setUp()
    const { key, request } = await mint(createRequest())
    const { owner, lifetime } = request
    const binding = { owner, lifetime, publicKey: key.publicKey }
    expect(openSeal(state.keys.sealing, key.seal(), key.id, binding)).toHaveLength(32)
  })

  it('is sealed with the key that is current when it is stored', async () => {
    const { mint, state } = setUp()
    const { key } = await mint(createRequest())
    const { keys } = state.keys.sealing
    state.keys = {
      ...state.keys,
      sealing: { current: 'k2', keys: new Map([...keys, ['k2', new Uint8Array(32)]]) },
    }
    expect(sealKeyId(key.seal())).toBe('k2')
  })
})

describe('an answer', () => {
  it('tells of the session and is signed by the server', async () => {
    const { mint, state } = setUp()
    const { key, answer } = await mint(createRequest())
    const { sessionKey, epoch } = readEntry(answer(), state.keys)
    expect(sessionKey).toEqual(Uint8Array.from(key.publicKey))
    expect(epoch).toBe(1_700_000_000n)
  })

  it('says which request it is for where that has an idempotency key', async () => {
    const { mint, state } = setUp()
    const { request, answer } = await mint(createRequest({ xHeaders: { 'idempotency-key': 'k' } }))
    expect(readEntry(answer(), state.keys).answers).toBe(requestDigest(request.message))
  })

  it('is signed anew where the session was there before', async () => {
    const { mint, state } = setUp()
    const bytes = createRequest({ xHeaders: { 'idempotency-key': 'k' } })
    const [first, again] = [await mint(bytes), await mint(bytes)]
    const { sessionKey } = readEntry(again.answer(first.key), state.keys)
    expect(sessionKey).toEqual(Uint8Array.from(first.key.publicKey))
  })

  it('is signed by the identity in force when it is sent', async () => {
    const { mint, state } = setUp()
    const { answer } = await mint(createRequest())
    state.keys = { ...newPoolKeys(), sealing: state.keys.sealing }
    readEntry(answer(), state.keys)
    readEntry((await mint(createRequest())).answer(), state.keys)
  })

  it('takes one signature where its meta header is that of the one before', async () => {
    const { mint, state, told, answers } = setUp()
    const signer = newOwner()
    const first = await mint(createRequest({ signer }))
    readEntry(first.answer(), state.keys)
    expect(answers.knows(answers.metaFor(first.request))).toBe(true)
    const second = await mint(createRequest({ signer }))
    expect(second.key.minted.metaSignature).toBeNull()
    readEntry(second.answer(), state.keys)
    expect(told.signed).toBe(2)
    state.nowMs += 1000
    expect(answers.knows(answers.metaFor(first.request))).toBe(false)
  })
})

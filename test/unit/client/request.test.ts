import { describe, expect, it } from 'vitest'
import { CreateRequest } from '#generated/session/service'
import {
  prepareRequest,
  publicKeyOf,
  type RequestOptions,
  requestToJson,
} from '../../../src/client/request.js'
import { generateKey, ownerIdOf } from '../../../src/crypto/keys.js'
import { verifyChain } from '../../../src/envelope/chain.js'
import { readCreateRequest } from '../../../src/envelope/create.js'
import { verifiers } from '../../support/envelope.js'

const EPOCHS = { genesisAtMs: 10_000, lengthMs: 1000 }
const ownerKey = generateKey('ed25519')

function prepare(options: Partial<RequestOptions> = {}, nowMs = 15_999) {
  return prepareRequest(
    { ownerKey, lifetimeMs: 60_000, idempotencyKey: 'k', ...options },
    EPOCHS,
    nowMs,
  )
}

describe('a prepared request', () => {
  it('is of version 2.0, of the epoch of its time, and may pass the server and one before it', () => {
    expect(CreateRequest.decode(prepare().bytes).metaHeader).toMatchObject({
      version: { major: 2, minor: 0 },
      epoch: 5n,
      ttl: 2,
      xHeaders: [{ key: 'idempotency-key', value: 'k' }],
    })
  })

  it('names the client where one is given', () => {
    const { bytes } = prepare({ clientName: 'shop' })
    expect(CreateRequest.decode(bytes).metaHeader?.xHeaders).toEqual([
      { key: 'idempotency-key', value: 'k' },
      { key: 'client', value: 'shop' },
    ])
  })

  it.each([
    [60_000, 65n],
    [60_001, 66n],
    [1, 6n],
    [0, 5n],
  ])('of a lifetime of %i ms ends with epoch %i: whole epochs, rounded up', (lifetimeMs, exp) => {
    expect(prepare({ lifetimeMs }).lifetime).toEqual({ exp, nbf: 5n, iat: 5n })
  })

  it('is for the owner of the key, or for another that is given', () => {
    expect(prepare().owner).toEqual(ownerIdOf(ownerKey))
    const { bytes, owner } = prepare({ owner: Uint8Array.of(1, 2) })
    expect(owner).toEqual(Uint8Array.of(1, 2))
    expect(CreateRequest.decode(bytes).body?.ownerId?.value).toEqual(Buffer.of(1, 2))
  })

  it.each(['ed25519', 'p256'] as const)('is signed with the key of the owner: %s', (type) => {
    const key = generateKey(type)
    const { message } = readCreateRequest(Buffer.from(prepare({ ownerKey: key }).bytes))
    expect(Buffer.from(verifyChain(message, verifiers))).toEqual(Buffer.from(publicKeyOf(key)))
  })

  it('may begin with epoch 0, and no sooner', () => {
    expect(prepare({}, 10_000).lifetime.iat).toBe(0n)
    expect(() => prepare({}, 9_999)).toThrow(RangeError)
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('cannot be of the time or lifetime %d', (ms) => {
    expect(() => prepare({}, ms)).toThrow(RangeError)
    expect(() => prepare({ lifetimeMs: ms })).toThrow('lifetimeMs must be a number')
  })

  it('can be written as proto JSON', () => {
    const { bytes } = prepare()
    const again = CreateRequest.fromJSON(requestToJson(bytes))
    expect(Buffer.from(CreateRequest.encode(again).finish())).toEqual(Buffer.from(bytes))
  })
})

import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { RequestMetaHeader } from '#generated/service/meta'
import { BearerToken, SessionToken } from '#generated/service/meta'
import { verifyChain } from '../../../src/envelope/chain.js'
import { readCreateRequest } from '../../../src/envelope/create.js'
import { WireReader } from '../../../src/envelope/wire.js'
import {
  alice,
  hop,
  hopVerifyHeader,
  len,
  message,
  num,
  refusal,
  request,
  requestBody,
  requestMeta,
  signature,
  verifiers,
  verifyHeader,
} from '../../support/envelope.js'

/** A request with a meta header for each of `headers`, the original sender's first. */
function chained(...headers: Partial<RequestMetaHeader>[]): Buffer {
  const body = requestBody()
  const [first, ...hops] = headers.map((header) => requestMeta(header)) as [
    Uint8Array,
    ...Uint8Array[],
  ]
  let meta = first
  let verify = verifyHeader(body, meta)
  for (const own of hops) {
    meta = Buffer.concat([own, len(7, meta)])
    verify = hopVerifyHeader(meta, verify)
  }
  return message(body, meta, verify)
}

test('a request is read', () => {
  const bytes = request(
    requestMeta({
      epoch: 7n,
      ttl: 9,
      xHeaders: [
        { key: 'client', value: 'tests' },
        { key: 'idempotency-key', value: 'é' },
        { key: 'other', value: '' },
      ],
    }),
  )
  const { message, owner, ...rest } = readCreateRequest(bytes)
  expect(message.levels).toHaveLength(1)
  expect(owner).toEqual(Uint8Array.from(alice.publicKey))
  expect(owner.buffer).not.toBe(bytes.buffer)
  expect(rest).toEqual({
    lifetime: { exp: 1_700_003_600n, nbf: 1_700_000_000n, iat: 1_700_000_000n },
    epoch: 7n,
    ttl: 9,
    client: 'tests',
    idempotencyKey: 'é',
    xHeadersPath: 'meta_header.x_headers',
  })
})

test('each field is read once: nothing scans the bytes again', () => {
  const fields = {
    message: 3,
    ...{ body: 2, ownerId: 1, lifetime: 3 },
    ...{ metaHeader: 3, version: 1 },
    ...{ verifyHeader: 3, signatures: 3 * 2 },
  }
  const tag = vi.spyOn(WireReader.prototype, 'tag')
  onTestFinished(() => tag.mockRestore())
  const { message } = readCreateRequest(request())
  expect(message.levels).toHaveLength(1)
  expect(tag).toHaveBeenCalledTimes(Object.values(fields).reduce((sum, count) => sum + count, 0))
})

test('64-bit numbers keep every bit; what is left out is 0', () => {
  const most = 2n ** 64n - 1n
  const body = Buffer.concat([
    len(1, len(1, alice.publicKey)),
    len(2, num(1, most), num(2, 2n ** 53n + 1n)),
  ])
  const { lifetime, epoch } = readCreateRequest(request(requestMeta({ epoch: most }), body))
  expect(lifetime).toEqual({ exp: most, nbf: 2n ** 53n + 1n, iat: 0n })
  expect(epoch).toBe(most)
})

test('the epoch is the last hop’s, the x-headers are the original sender’s', () => {
  const { epoch, ttl, idempotencyKey, client } = readCreateRequest(
    chained(
      { ttl: 5, epoch: 1n, xHeaders: [{ key: 'idempotency-key', value: 'mine' }] },
      { ttl: 3, epoch: 2n },
      {
        ttl: 2,
        epoch: 3n,
        xHeaders: [
          { key: 'idempotency-key', value: 'the hop’s' },
          { key: 'client', value: 'the hop' },
        ],
      },
    ),
  )
  expect({ epoch, ttl, idempotencyKey, client }).toEqual({
    epoch: 3n,
    ttl: 2,
    idempotencyKey: 'mine',
    client: undefined,
  })
})

test('our x-headers are found in any case', () => {
  const xHeaders = [
    { key: 'Idempotency-Key', value: 'mine' },
    { key: 'CLIENT', value: 'me' },
  ]
  expect(readCreateRequest(chained({ ttl: 3, xHeaders }, { ttl: 2 }))).toMatchObject({
    idempotencyKey: 'mine',
    client: 'me',
    xHeadersPath: 'meta_header.origin.x_headers',
  })
})

test('a request without a version is read', () => {
  expect(readCreateRequest(chained({ version: undefined })).ttl).toBe(2)
})

describe('a body is refused', () => {
  const owner = len(1, len(1, alice.publicKey))
  const lifetime = len(2, num(1, 2))
  test.each<[what: string, body: Uint8Array, field: string]>([
    ['without an owner', lifetime, 'body.owner_id'],
    ['with an empty owner', Buffer.concat([len(1), lifetime]), 'body.owner_id.value'],
    ['with an owner of no bytes', Buffer.concat([len(1, len(1)), lifetime]), 'body.owner_id.value'],
    ['without a lifetime', owner, 'body.lifetime'],
  ])('%s', (_, body, field) => {
    expect(refusal(() => readCreateRequest(request(requestMeta(), body)))).toEqual({
      code: 'MISSING_FIELD',
      field,
    })
  })

  test('before the meta header is', () => {
    expect(refusal(() => readCreateRequest(request(requestMeta({ ttl: 0 }), owner))).field).toBe(
      'body.lifetime',
    )
  })
})

describe('a meta header is refused', () => {
  const key = (key: string) => ({ key, value: 'v' })
  test.each<[what: string, bytes: Uint8Array, code: string, field: string]>([
    [
      'of version 1',
      chained({ version: { major: 1, minor: 0 } }),
      'UNSUPPORTED_VERSION',
      'version.major',
    ],
    [
      'of version 3',
      chained({ version: { major: 3, minor: 0 } }),
      'UNSUPPORTED_VERSION',
      'version.major',
    ],
    [
      'with an empty version',
      chained({ version: { major: 0, minor: 0 } }),
      'UNSUPPORTED_VERSION',
      'version.major',
    ],
    [
      'with a wrapped one of version 1',
      chained({ ttl: 3, version: { major: 1, minor: 0 } }, { ttl: 2 }),
      'UNSUPPORTED_VERSION',
      'origin.version.major',
    ],
    ['with ttl 0', chained({ ttl: 0 }), 'INVALID_FIELD', 'ttl'],
    ['with ttl 0 at the last hop', chained({ ttl: 1 }, { ttl: 0 }), 'INVALID_FIELD', 'ttl'],
    ['with the ttl that it wraps', chained({ ttl: 2 }, { ttl: 2 }), 'INVALID_FIELD', 'origin.ttl'],
    ['with a larger ttl', chained({ ttl: 2 }, { ttl: 3 }), 'INVALID_FIELD', 'origin.ttl'],
    [
      'with a larger ttl further in',
      chained({ ttl: 4 }, { ttl: 5 }, { ttl: 2 }),
      'INVALID_FIELD',
      'origin.origin.ttl',
    ],
    [
      'with an x-header without a key',
      chained({ xHeaders: [key('')] }),
      'INVALID_FIELD',
      'x_headers',
    ],
    [
      'with an x-header twice',
      chained({ xHeaders: [key('a'), key('b'), key('a')] }),
      'INVALID_FIELD',
      'x_headers',
    ],
    [
      'with an x-header twice in another case',
      chained({ xHeaders: [key('Idempotency-Key'), key('idempotency-key')] }),
      'INVALID_FIELD',
      'x_headers',
    ],
    [
      'with a wrapped one that has an x-header twice',
      chained({ ttl: 3, xHeaders: [key('a'), key('a')] }, { ttl: 2 }),
      'INVALID_FIELD',
      'origin.x_headers',
    ],
  ])('%s', (_, bytes, code, field) => {
    expect(refusal(() => readCreateRequest(bytes))).toEqual({ code, field: `meta_header.${field}` })
  })

  test('that is empty and signed by the signature over no origin', () => {
    const body = requestBody()
    const stolen = signature(alice, new Uint8Array(0))
    const bytes = message(
      body,
      new Uint8Array(0),
      Buffer.concat([len(1, signature(alice, body)), len(2, stolen)]),
    )
    expect(refusal(() => readCreateRequest(bytes)).field).toBe('meta_header.ttl')
  })
})

test('the same x-header at two levels is no repetition', () => {
  const xHeaders = [{ key: 'a', value: '' }]
  expect(readCreateRequest(chained({ ttl: 2, xHeaders }, { ttl: 1, xHeaders })).ttl).toBe(1)
})

describe('tokens in the meta header', () => {
  const body = requestBody()
  const meta = requestMeta({
    token: SessionToken.fromJSON({ token: { ownerId: { value: 'AQID' } } }),
    bearer: BearerToken.fromJSON({ token: { ownerId: { value: 'AQID' } } }),
  })

  test('are ignored', () => {
    expect(readCreateRequest(request(meta)).owner).toEqual(Uint8Array.from(alice.publicKey))
  })

  test('may be anything', () => {
    const unread = Buffer.concat([requestMeta(), len(5, Buffer.from('0b00ff', 'hex'))])
    expect(readCreateRequest(request(unread)).ttl).toBe(2)
  })

  test('are signed', () => {
    const changed = Uint8Array.from(meta)
    changed[changed.length - 1] = 4
    const read = readCreateRequest(message(body, changed, verifyHeader(body, meta)))
    expect(refusal(() => verifyChain(read.message, verifiers)).field).toBe(
      'verify_header.meta_signature',
    )
  })
})

test('an owner other than the signer is for the owner policy to refuse', () => {
  const read = readCreateRequest(request(requestMeta(), requestBody(hop.publicKey)))
  expect(read.owner).toEqual(Uint8Array.from(hop.publicKey))
})

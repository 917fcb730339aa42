import { type DescMessage, fromBinary, toBinary } from '@bufbuild/protobuf'
import { afterAll, beforeAll, expect } from 'vitest'
import { RequestMetaHeader } from '#generated/service/meta'
import { RequestVerificationHeader } from '#generated/service/verify'
import { CreateRequest, CreateRequest_Body, CreateResponse } from '#generated/session/service'
import { SessiondError } from '../../src/core/errors.js'
import { readCreateRequest, readCreateResponse } from '../../src/envelope/create.js'
import { createResponseSigner } from '../../src/envelope/sign.js'
import { MAX_FIELDS, WireReader } from '../../src/envelope/wire.js'
import { wrapRequest } from '../../src/envelope/wrap.js'
import { contracts, expectField } from '../support/contract.js'
import {
  alice,
  carol,
  hop,
  len,
  num,
  request,
  requestBody,
  requestMeta,
} from '../support/envelope.js'
import { mutate } from '../support/mutate.js'
import { fuzz } from './engine.js'
import { mutateBytes } from './mutations.js'

const CODES = ['MALFORMED', 'MISSING_FIELD', 'INVALID_FIELD', 'UNSUPPORTED_VERSION']

/** How often one message may be gone over: once by the walk, then field by field. */
const MAX_PASSES = 8

let tags = 0
const countless = WireReader.prototype.tag
beforeAll(() => {
  WireReader.prototype.tag = function () {
    tags++
    return countless.call(this)
  }
})
afterAll(() => {
  WireReader.prototype.tag = countless
})

/**
 * What `read` makes of the input, or the code that it is refused with. The work is bounded, and a field that
 * is named is one of the contract.
 */
function read<T>(
  input: Buffer,
  read: (input: Buffer) => T,
  typeName = 'session.CreateRequest',
): T | string {
  tags = 0
  try {
    return read(input)
  } catch (error) {
    if (!(error instanceof SessiondError) || !CODES.includes(error.code)) {
      throw error
    }
    if (error.field !== undefined) {
      expectField(typeName, error.field)
    }
    return error.code
  } finally {
    expect(tags).toBeLessThanOrEqual(MAX_PASSES * Math.min(input.length + 1, MAX_FIELDS + 1))
  }
}

const token = Buffer.concat([
  len(
    5,
    len(1, len(1, Buffer.alloc(16)), len(2, len(1, Buffer.alloc(25)))),
    len(2, len(1, Buffer.alloc(33))),
  ),
  len(6, len(1, len(1, len(2, num(1, 1), len(3, num(1, 1), len(3, Buffer.from('k'))))))),
])
const requests = [
  request(),
  request(requestMeta({ ttl: 9, xHeaders: [{ key: 'client', value: 'Ü' }] }), requestBody(), carol),
  request(Buffer.concat([requestMeta(), token])),
  wrapRequest(wrapRequest(request(requestMeta({ ttl: 9 })), hop), carol),
]
const schema = contracts.getMessage('session.CreateRequest') as DescMessage

/** Of a request, and of a meta header. */
const META_HEADER = 2
const TOKENS = [5, 6]
const ORIGIN = 7

/** The message without the tokens of its meta headers: they may be anything, and nobody is to decode them. */
function withoutTokens(bytes: Uint8Array, into: number[], struck: number[] = []): Buffer {
  const reader = new WireReader(bytes)
  const kept: Uint8Array[] = []
  while (reader.pos < reader.end) {
    const start = reader.pos
    const tag = reader.tag()
    const number = tag >>> 3
    if (into.includes(number)) {
      kept.push(len(number, withoutTokens(reader.content(), [ORIGIN], TOKENS)))
      continue
    }
    reader.skip(tag & 7)
    if (!struck.includes(number)) {
      kept.push(bytes.subarray(start, reader.pos))
    }
  }
  return Buffer.concat(kept)
}

fuzz({
  name: 'create-request',
  seeds: requests,
  mutate: (random, originals) =>
    random(2) === 0 ? mutateBytes(random, originals) : Buffer.from(mutate(random, requests)),
  reaches: ['accepted', ...CODES],
  check(input) {
    const accepted = read(input, readCreateRequest)
    if (typeof accepted === 'string') {
      return accepted
    }
    const { message, owner, lifetime, epoch, ttl } = accepted
    // What is read of the slices, every decoder reads of the whole.
    const readable = withoutTokens(input, [META_HEADER])
    const whole = CreateRequest.decode(readable)
    expect(whole.body).toEqual(CreateRequest_Body.decode(message.body))
    expect(whole.body?.lifetime).toEqual(lifetime)
    expect(Buffer.compare(whole.body?.ownerId?.value ?? Buffer.of(), owner)).toBe(0)
    expect(whole.metaHeader).toEqual(
      RequestMetaHeader.decode(withoutTokens(message.outermost.meta, [ORIGIN], TOKENS)),
    )
    expect([whole.metaHeader?.epoch, whole.metaHeader?.ttl]).toEqual([epoch, ttl])
    let header = whole.verifyHeader
    expect(header).toEqual(RequestVerificationHeader.decode(message.outermost.verify))
    for (const { bodySignature, metaSignature, originSignature } of message.levels.toReversed()) {
      for (const [decoded, slices] of [
        [header?.bodySignature, bodySignature],
        [header?.metaSignature, metaSignature],
        [header?.originSignature, originSignature],
      ] as const) {
        expect(decoded === undefined).toBe(slices === undefined)
        expect(Buffer.compare(decoded?.key ?? Buffer.of(), slices?.key ?? Buffer.of())).toBe(0)
        expect(Buffer.compare(decoded?.sign ?? Buffer.of(), slices?.sign ?? Buffer.of())).toBe(0)
      }
      header = header?.origin
    }
    expect(header).toBeUndefined()
    // Also one that puts two messages of one field together, where ours takes the last.
    const merged = toBinary(schema, fromBinary(schema, readable), { writeUnknownFields: false })
    expect(Buffer.compare(merged, CreateRequest.encode(whole).finish())).toBe(0)
    // A hop carries it on with its body as it was, or says why not.
    const wrapped = read(input, (bytes) => wrapRequest(bytes, hop))
    if (typeof wrapped !== 'string') {
      const carried = readCreateRequest(wrapped).message
      expect(Buffer.compare(carried.body, message.body)).toBe(0)
      expect(carried.levels).toHaveLength(message.levels.length + 1)
    }
    return 'accepted'
  },
})

const signResponse = createResponseSigner(alice)
const body = Buffer.concat([len(1, Buffer.alloc(16, 4)), len(2, Buffer.alloc(32, 5))])

fuzz({
  name: 'create-response',
  seeds: [
    signResponse({ body, meta: Buffer.concat([len(1, num(1, 2)), num(2, 7), num(3, 1)]) }),
    signResponse({
      body,
      meta: Buffer.concat([num(3, 1), len(4, len(1, Buffer.from('request')), len(2, body))]),
    }),
  ].slice(0, 1),
  mutate: mutateBytes,
  reaches: ['accepted', ...CODES],
  check(input) {
    const accepted = read(input, readCreateResponse, 'session.CreateResponse')
    if (typeof accepted === 'string') {
      return accepted
    }
    const whole = CreateResponse.decode(input)
    expect(Buffer.compare(whole.body?.id ?? Buffer.of(), accepted.id)).toBe(0)
    expect(Buffer.compare(whole.body?.sessionKey ?? Buffer.of(), accepted.sessionKey)).toBe(0)
    expect(whole.metaHeader?.epoch).toBe(accepted.epoch)
    return 'accepted'
  },
})

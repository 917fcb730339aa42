import { describe, expect, test } from 'vitest'
import { readMessage } from '../../../src/envelope/message.js'
import { createRequest } from '../../../src/envelope/shapes.js'
import {
  alice,
  hop,
  hopVerifyHeader,
  len,
  message,
  refusal,
  request,
  requestBody,
  requestMeta,
  signature,
  verifyHeader,
} from '../../support/envelope.js'

const NONE = new Uint8Array(0)
const body = requestBody()
const meta = requestMeta()
const verify = verifyHeader(body, meta)
const bodySignature = len(1, signature(alice, body))
const metaSignature = len(2, signature(alice, meta))

const hopMeta = Buffer.concat([requestMeta({ ttl: 1 }), len(7, meta)])
const hopVerify = hopVerifyHeader(hopMeta, verify)

test('a message is taken apart into slices, innermost level first', () => {
  const bytes = message(body, hopMeta, hopVerify)
  const read = readMessage(bytes, createRequest).message

  expect(read.body).toEqual(Buffer.from(body))
  expect(read.body.buffer).toBe(bytes.buffer)
  expect(read.levels.map((level) => level.meta)).toEqual([Buffer.from(meta), hopMeta])
  expect(read.levels.map((level) => level.verify)).toEqual([verify, hopVerify])
  expect(read.innermost).toEqual(read.levels[0])
  expect(read.outermost).toBe(read.levels[1])
  expect(read.innermost.bodySignature.key).toEqual(Buffer.from(alice.publicKey))
  expect(read.innermost.originSignature?.sign).toEqual(Buffer.from(alice.sign(NONE)))
  expect(read.outermost.bodySignature).toBeUndefined()
  expect(read.outermost.originSignature?.key).toEqual(Buffer.from(hop.publicKey))
})

test('an empty body, header or signature is there', () => {
  const { body, innermost } = readMessage(
    message(NONE, NONE, Buffer.concat([len(1), len(2)])),
    createRequest,
  ).message
  expect([body, innermost.meta, innermost.bodySignature.key]).toEqual([
    Buffer.of(),
    Buffer.of(),
    NONE,
  ])
})

describe('a message is refused', () => {
  const outer = len(2, signature(hop, hopMeta))
  test.each<[what: string, bytes: Uint8Array, code: string, field: string]>([
    ['without anything', NONE, 'MISSING_FIELD', 'body'],
    ['without a body', message(null, meta, verify), 'MISSING_FIELD', 'body'],
    ['without a meta header', message(body, null, verify), 'MISSING_FIELD', 'meta_header'],
    ['without a verification header', message(body, meta, null), 'MISSING_FIELD', 'verify_header'],
    [
      'without a body signature',
      message(body, meta, metaSignature),
      'MISSING_FIELD',
      'verify_header.body_signature',
    ],
    [
      'without a meta signature',
      message(body, meta, bodySignature),
      'MISSING_FIELD',
      'verify_header.meta_signature',
    ],
    [
      'without a body signature inside',
      message(body, hopMeta, hopVerifyHeader(hopMeta, metaSignature)),
      'MISSING_FIELD',
      'verify_header.origin.body_signature',
    ],
    [
      'without a meta signature further inside',
      message(
        body,
        Buffer.concat([len(7, hopMeta)]),
        hopVerifyHeader(hopMeta, hopVerifyHeader(hopMeta, bodySignature)),
      ),
      'MISSING_FIELD',
      'verify_header.origin.origin.meta_signature',
    ],
    [
      'with more verification headers than meta headers',
      message(body, meta, hopVerify),
      'MALFORMED',
      'verify_header',
    ],
    [
      'with fewer verification headers than meta headers',
      message(body, hopMeta, verify),
      'MALFORMED',
      'verify_header',
    ],
    [
      'with a body signature by a hop',
      message(body, hopMeta, Buffer.concat([bodySignature, hopVerify])),
      'MALFORMED',
      'verify_header.body_signature',
    ],
    [
      'with body signatures on all levels but the innermost',
      message(body, hopMeta, Buffer.concat([bodySignature, outer, len(4, metaSignature)])),
      'MALFORMED',
      'verify_header.body_signature',
    ],
    [
      'with a body signature by a hop in between',
      message(
        body,
        Buffer.concat([len(7, hopMeta)]),
        hopVerifyHeader(hopMeta, Buffer.concat([hopVerify, bodySignature])),
      ),
      'MALFORMED',
      'verify_header.origin.body_signature',
    ],
    ['that the walk refuses', Buffer.concat([request(), len(1, body)]), 'MALFORMED', 'body'],
  ])('%s', (_, bytes, code, field) => {
    expect(refusal(() => readMessage(bytes, createRequest))).toEqual({ code, field })
  })
})

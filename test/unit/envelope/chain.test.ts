import { describe, expect, test } from 'vitest'
import type { Verify } from '../../../src/crypto/schemes.js'
import { verifyChain } from '../../../src/envelope/chain.js'
import { readMessage } from '../../../src/envelope/message.js'
import { createRequest } from '../../../src/envelope/shapes.js'
import {
  alice,
  carol,
  carolSha512,
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

const NONE = new Uint8Array(0)
const body = requestBody()
const meta = requestMeta({ ttl: 3 })
const verify = verifyHeader(body, meta)
const hopMeta = Buffer.concat([requestMeta({ ttl: 2 }), len(7, meta)])
const hopVerify = hopVerifyHeader(hopMeta, verify)
const lastMeta = Buffer.concat([requestMeta({ ttl: 1 }), len(7, hopMeta)])

const prove = (bytes: Uint8Array) =>
  verifyChain(readMessage(bytes, createRequest).message, verifiers)

describe('the key of the body is returned', () => {
  test.each<[what: string, bytes: Uint8Array, key: Uint8Array]>([
    ['of one level', message(body, meta, verify), alice.publicKey],
    ['of P-256 with SHA-256', request(meta, body, carol), carol.publicKey],
    ['of P-256 with SHA-512', request(meta, body, carolSha512), carol.publicKey],
    [
      'of one level with both forms of P-256',
      message(
        body,
        meta,
        verifyHeader(body, meta, { body: carol, meta: carolSha512, origin: carol }),
      ),
      carol.publicKey,
    ],
    [
      'where nobody signed that there is no origin',
      message(body, meta, verifyHeader(body, meta, { body: alice, meta: alice, origin: null })),
      alice.publicKey,
    ],
    ['of two levels', message(body, hopMeta, hopVerify), alice.publicKey],
    [
      'of three levels with three schemes',
      message(body, lastMeta, hopVerifyHeader(lastMeta, hopVerify, carolSha512)),
      alice.publicKey,
    ],
  ])('%s', (_, bytes, key) => {
    expect(prove(bytes)).toEqual(Buffer.from(key))
  })
})

describe('a chain is refused', () => {
  const by = (body: typeof alice, meta: typeof alice, origin: typeof alice) => ({
    body,
    meta,
    origin,
  })
  const hopLevel = (...fields: Uint8Array[]) =>
    message(body, hopMeta, Buffer.concat([...fields, len(4, verify)]))
  const metaByHop = len(2, signature(hop, hopMeta))
  const originByHop = len(3, signature(hop, verify))

  test.each<[what: string, bytes: Uint8Array, field: string]>([
    ['with another body', message(requestBody(hop.publicKey), meta, verify), 'body_signature'],
    ['with another meta header', message(body, requestMeta(), verify), 'meta_signature'],
    [
      'whose body signature is by a key of its own',
      message(body, meta, verifyHeader(body, meta, by(hop, alice, alice))),
      'meta_signature',
    ],
    [
      'whose meta signature is by a key of its own',
      message(body, meta, verifyHeader(body, meta, by(alice, hop, alice))),
      'meta_signature',
    ],
    [
      'whose meta and origin signatures are by a key of their own',
      message(body, meta, verifyHeader(body, meta, by(alice, hop, hop))),
      'meta_signature',
    ],
    [
      'whose origin signature is by a key of its own',
      message(body, meta, verifyHeader(body, meta, by(alice, alice, hop))),
      'origin_signature',
    ],
    [
      'whose innermost origin signature is over something',
      message(
        body,
        meta,
        Buffer.concat([
          verifyHeader(body, meta, { body: alice, meta: alice, origin: null }),
          len(3, signature(alice, meta)),
        ]),
      ),
      'origin_signature',
    ],
    [
      'whose innermost origin signature is empty',
      message(
        body,
        meta,
        Buffer.concat([
          verifyHeader(body, meta, { body: alice, meta: alice, origin: null }),
          len(3),
        ]),
      ),
      'origin_signature',
    ],
    [
      'whose signatures are empty',
      message(body, meta, Buffer.concat([len(1), len(2)])),
      'body_signature',
    ],
    [
      'whose key has no scheme',
      message(
        body,
        meta,
        verifyHeader(body, meta, {
          body: { publicKey: Buffer.alloc(31, 1), sign: alice.sign },
          meta: { publicKey: Buffer.alloc(31, 1), sign: alice.sign },
          origin: null,
        }),
      ),
      'body_signature',
    ],
    ['whose hop does not sign its meta header', hopLevel(originByHop), 'meta_signature'],
    ['whose hop does not sign what it wraps', hopLevel(metaByHop), 'origin_signature'],
    [
      'whose hop signs that it wraps nothing',
      hopLevel(metaByHop, len(3, signature(hop, NONE))),
      'origin_signature',
    ],
    [
      'whose hop signs its meta header with another key',
      hopLevel(len(2, signature(carol, hopMeta)), originByHop),
      'origin_signature',
    ],
    [
      'whose hop signs the meta header that it wraps',
      hopLevel(len(2, signature(hop, meta)), originByHop),
      'meta_signature',
    ],
    [
      'whose wrapped verification header was changed where no signature inside covers it',
      message(
        body,
        hopMeta,
        Buffer.concat([metaByHop, originByHop, len(4, verify, Buffer.of(0x48, 1))]),
      ),
      'origin_signature',
    ],
    [
      'whose wrapped signatures are wrong',
      message(requestBody(hop.publicKey), hopMeta, hopVerify),
      'origin.body_signature',
    ],
  ])('%s', (_, bytes, field) => {
    expect(refusal(() => prove(bytes))).toEqual({
      code: 'BAD_SIGNATURE',
      field: `verify_header.${field}`,
    })
  })
})

test('bodies and headers go to verifiers of their own, innermost level first', () => {
  const asked: [who: string, content: Uint8Array][] = []
  const verifier =
    (who: string): Verify =>
    (_key, _sign, content) => {
      asked.push([who, Buffer.from(content)])
      return true
    }
  verifyChain(readMessage(message(body, hopMeta, hopVerify), createRequest).message, {
    body: verifier('body'),
    header: verifier('header'),
  })
  expect(asked).toEqual([
    ['body', Buffer.from(body)],
    ['header', Buffer.from(meta)],
    ['header', Buffer.of()],
    ['header', hopMeta],
    ['header', verify],
  ])
})

describe('no signature is checked while a later one', () => {
  const unchecked: Verify = () => {
    throw new Error('a signature was checked')
  }
  const hopLevel = (...fields: Uint8Array[]) =>
    message(body, hopMeta, Buffer.concat([...fields, len(4, verify)]))

  test.each<[what: string, bytes: Uint8Array]>([
    ['is missing', hopLevel(len(2, signature(hop, hopMeta)))],
    [
      'has another key than those of its level',
      hopLevel(len(2, signature(hop, hopMeta)), len(3, signature(carol, verify))),
    ],
  ])('%s', (_, bytes) => {
    const read = readMessage(bytes, createRequest).message
    expect(refusal(() => verifyChain(read, { body: unchecked, header: unchecked }))).toEqual({
      code: 'BAD_SIGNATURE',
      field: 'verify_header.origin_signature',
    })
  })
})

describe('where fields are not in ascending order, a refusal says so', () => {
  const says = /bytes signed must be the bytes sent.*not in ascending order \((.*)\)/
  const [owner, lifetime] = [len(1, len(1, alice.publicKey)), len(2, num(1, 9), num(2, 1))]
  const backwards = Buffer.concat([lifetime, owner])
  const backwardsMeta = Buffer.concat([num(3, 2), num(2, 7)])

  test.each<[what: string, bytes: Uint8Array, field: string]>([
    ['of a body', message(backwards, meta, verify), 'owner_id'],
    [
      'of a message in it',
      message(Buffer.concat([owner, len(2, num(2, 1), num(1, 9))]), meta, verify),
      'lifetime.exp',
    ],
    [
      'of a field that nobody knows',
      message(Buffer.concat([len(9), body]), meta, verify),
      'owner_id',
    ],
    ['of a meta header', message(body, backwardsMeta, verify), 'epoch'],
    [
      'of one that is wrapped',
      message(body, len(7, backwardsMeta), hopVerifyHeader(hopMeta, verify)),
      'epoch',
    ],
  ])('%s', (_, bytes, field) => {
    expect(() => prove(bytes)).toThrow(says)
    expect(() => prove(bytes)).toThrow(`(${field})`)
  })

  test('and says nothing of it where they are', () => {
    expect(() => prove(message(requestBody(hop.publicKey), meta, verify))).toThrow(/of 64\)$/)
  })

  test('and none where the bytes signed are those sent', () => {
    expect(prove(request(meta, backwards))).toEqual(Buffer.from(alice.publicKey))
  })
})

import { describe, expect, test } from 'vitest'
import { ResponseMetaHeader } from '#generated/service/meta'
import { CreateResponse_Body } from '#generated/session/service'
import type { Signer } from '../../../src/crypto/ed25519.js'
import { verifyChain } from '../../../src/envelope/chain.js'
import { readCreateRequest, readCreateResponse } from '../../../src/envelope/create.js'
import { requestDigest } from '../../../src/envelope/digest.js'
import { createResponseSigner, signRequest } from '../../../src/envelope/sign.js'
import { wrapRequest } from '../../../src/envelope/wrap.js'
import {
  alice,
  carol,
  hop,
  len,
  num,
  refusal,
  request,
  requestBody,
  requestMeta,
  verifiers,
} from '../../support/envelope.js'

/**
 * Assembled field by field in Python and signed there by pyca/cryptography 48, with the keys of
 * RFC 8032 section 7.1: TEST 1 sends, TEST 2 forwards. The origin signature is the RFC's own.
 */
const golden = {
  body:
    '0a220a20d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a' +
    '12120890fecfaa061080e2cfaa061880e2cfaa06',
  meta: '0a0208021080e2cfaa061802' + '22190a0f6964656d706f74656e63792d6b65791206676f6c64656e',
  verify:
    '0a640a20d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a' +
    '1240e286f70fd08f7540648823497f8434fff3c056201dbc4b07fcccfe82ae94eb91' +
    '821aefafd3981a70760a4427a409681d75c92de10a7b21fcef0c9e63def00907' +
    '12640a20d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a' +
    '1240a6cd47cb3912a59059a7c03f6937190719deda44fdbcf1a835893abb53044ef6' +
    '7bd0eda9841d1e3da95f9e1826c9cc2ce6a5725e15e2e4ea6e43eec4936a2b03' +
    '1a640a20d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a' +
    '1240e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155' +
    '5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  hopMeta: '0a0208021081e2cfaa0618013a27',
  hopSignatures:
    '12640a203d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c' +
    '12408aa7cf356a7a596f41110c710be730e6e3a72000856a394a45d47c81ba66eb37' +
    '574439cf4328125c58b283b7900a38d046368d28716e9109ed4007b5f6312d0a' +
    '1a640a203d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c' +
    '124081c7ab3e53df50117107d97ce53e045d0f2eb8a489207101707a6e09435f1864' +
    'ecb73090401fb61cc9241dd5ba86a85937c1bee1719def99f25f986d2629760b',
  digest: '63260b69ce9c41ce4fbabcbc2938dcd0048efd83cc6954b7b5dc0ff1a1e837df',
}
const signedRequest = Buffer.from(
  `0a38${golden.body}1227${golden.meta}1ab202${golden.verify}`,
  'hex',
)
const forwardedRequest = Buffer.from(
  `0a38${golden.body}1235${golden.hopMeta}${golden.meta}` +
    `1a8104${golden.hopSignatures}22b202${golden.verify}`,
  'hex',
)

describe('the golden bytes', () => {
  test('of a signed request are those that signing makes', () => {
    const meta = requestMeta({ xHeaders: [{ key: 'idempotency-key', value: 'golden' }] })
    expect(signRequest({ body: requestBody(), meta }, alice)).toEqual(signedRequest)
  })

  test('of a forwarded request are those that wrapping makes', () => {
    expect(wrapRequest(signedRequest, hop, { epoch: 1_700_000_001n })).toEqual(forwardedRequest)
  })

  test.each([
    ['signed', signedRequest],
    ['forwarded', forwardedRequest],
  ])('the digest of a %s request, which verifies', (_, bytes) => {
    const { message } = readCreateRequest(bytes)
    expect(verifyChain(message, verifiers)).toEqual(Buffer.from(alice.publicKey))
    expect(requestDigest(message)).toBe(golden.digest)
  })
})

const id = Buffer.alloc(16, 1)
const sessionKey = Buffer.alloc(32, 2)
const responseBody = CreateResponse_Body.encode({ id, sessionKey }).finish()

function responseMeta(given: Partial<ResponseMetaHeader> = {}): Uint8Array {
  return ResponseMetaHeader.encode({
    version: { major: 2, minor: 0 },
    epoch: 9n,
    ttl: 1,
    xHeaders: [],
    origin: undefined,
    ...given,
  }).finish()
}

const respond = createResponseSigner(alice)

test('a response is read and verifies', () => {
  const xHeaders = [{ key: 'request', value: golden.digest }]
  const { message, ...rest } = readCreateResponse(
    respond({ body: responseBody, meta: responseMeta({ xHeaders }) }),
  )
  expect(verifyChain(message, verifiers)).toEqual(Buffer.from(alice.publicKey))
  expect(rest).toEqual({
    id: Uint8Array.from(id),
    sessionKey: Uint8Array.from(sessionKey),
    epoch: 9n,
    answers: golden.digest,
  })
})

/** Signs as alice, and notes the lengths of what it signs. */
function countingSigner(): { signer: Signer; signed: number[] } {
  const signed: number[] = []
  const sign = (content: Uint8Array) => {
    signed.push(content.length)
    return alice.sign(content)
  }
  return { signed, signer: { publicKey: alice.publicKey, sign } }
}

test('requests of one signer sign over no origin once', () => {
  const { signer, signed } = countingSigner()
  const parts = { body: requestBody(), meta: requestMeta() }
  for (let i = 0; i < 2; i++) {
    const { message } = readCreateRequest(signRequest(parts, signer))
    expect(verifyChain(message, verifiers)).toEqual(Buffer.from(alice.publicKey))
  }
  const lengths = [parts.body.length, parts.meta.length]
  expect(signed).toEqual([...lengths, 0, ...lengths])
})

test('a response signs what does not change once', () => {
  const { signer, signed } = countingSigner()
  const respond = createResponseSigner(signer)
  // The next epoch has as many bytes, and is signed anew all the same.
  const metas = [9n, 9n, 10n].map((epoch) => responseMeta({ epoch }))
  for (const meta of metas) {
    const { message } = readCreateResponse(respond({ body: responseBody, meta }))
    expect(verifyChain(message, verifiers)).toEqual(Buffer.from(alice.publicKey))
  }
  const [body, first, , last] = [responseBody, ...metas].map((part) => part.length)
  expect(signed).toEqual([0, first, body, body, last, body])
})

describe('a response is refused', () => {
  const bytes = (body: Uint8Array, meta = responseMeta()) => respond({ body, meta })
  test.each<[what: string, bytes: Uint8Array, code: string, field: string]>([
    ['without an id', bytes(len(2, sessionKey)), 'MISSING_FIELD', 'body.id'],
    ['without a key', bytes(len(1, id)), 'MISSING_FIELD', 'body.session_key'],
    [
      'with a longer id',
      bytes(Buffer.concat([len(1, id, id), len(2, sessionKey)])),
      'INVALID_FIELD',
      'body.id',
    ],
    [
      'with a shorter key',
      bytes(Buffer.concat([len(1, id), len(2, id)])),
      'INVALID_FIELD',
      'body.session_key',
    ],
    [
      'of another version',
      bytes(responseBody, responseMeta({ version: { major: 3, minor: 0 } })),
      'UNSUPPORTED_VERSION',
      'meta_header.version.major',
    ],
    [
      'with an x-header twice',
      bytes(
        responseBody,
        responseMeta({
          xHeaders: [
            { key: 'request', value: '1' },
            { key: 'request', value: '2' },
          ],
        }),
      ),
      'INVALID_FIELD',
      'meta_header.x_headers',
    ],
    [
      'with an empty meta header, which the origin signature would cover',
      bytes(responseBody, new Uint8Array(0)),
      'INVALID_FIELD',
      'meta_header.ttl',
    ],
    [
      'whose origin is a number',
      bytes(responseBody, Buffer.concat([responseMeta(), num(5, 1)])),
      'MALFORMED',
      'meta_header.origin',
    ],
  ])('%s', (_, bytes, code, field) => {
    expect(refusal(() => readCreateResponse(bytes), 'session.CreateResponse')).toEqual({
      code,
      field,
    })
  })
})

describe('wrapping', () => {
  test('keeps what it wraps byte for byte, hop after hop', () => {
    let bytes: Uint8Array = request(requestMeta({ ttl: 16 }))
    const original = readCreateRequest(bytes)
    for (let levels = 2; levels <= 16; levels++) {
      const { outermost } = readCreateRequest(bytes).message
      bytes = wrapRequest(bytes, levels % 2 ? hop : carol)
      const read = readCreateRequest(bytes)
      expect(read.message.levels).toHaveLength(levels)
      expect(read.message.levels.at(-2)).toEqual(outermost)
      expect({ ttl: read.ttl, epoch: read.epoch }).toEqual({ ttl: 17 - levels, epoch: 0n })
      expect(verifyChain(read.message, verifiers)).toEqual(Buffer.from(alice.publicKey))
      expect(requestDigest(read.message)).toBe(requestDigest(original.message))
    }
  })

  test('ends where the ttl does', () => {
    const last = wrapRequest(request(requestMeta({ ttl: 2 })), hop)
    expect(refusal(() => wrapRequest(last, hop))).toEqual({
      code: 'INVALID_FIELD',
      field: 'meta_header.ttl',
    })
  })

  test('ends at 16 levels', () => {
    let bytes: Uint8Array = request(requestMeta({ ttl: 100 }))
    for (let levels = 2; levels <= 16; levels++) {
      bytes = wrapRequest(bytes, hop)
    }
    expect(refusal(() => wrapRequest(bytes, hop))).toEqual({
      code: 'INVALID_FIELD',
      field: 'meta_header',
    })
  })

  test('refuses what no server would take', () => {
    const meta = requestMeta({ version: { major: 1, minor: 0 } })
    expect(refusal(() => wrapRequest(request(meta), hop)).code).toBe('UNSUPPORTED_VERSION')
  })
})

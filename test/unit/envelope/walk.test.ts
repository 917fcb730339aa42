import { describe, expect, test } from 'vitest'
import { ListRequest_Body } from '#generated/sessiond/v1/tokens'
import { MalformedError } from '../../../src/core/errors.js'
import {
  createRequest,
  MAX_MESSAGE_BYTES,
  sessionToken,
  tokens,
} from '../../../src/envelope/shapes.js'
import { MAX_LEVELS, walk } from '../../../src/envelope/walk.js'
import { MAX_FIELDS } from '../../../src/envelope/wire.js'
import { len, num, refusal, varint } from '../../support/envelope.js'

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')
const body = (...content: Uint8Array[]) => len(1, ...content)
const meta = (...content: Uint8Array[]) => len(2, ...content)
const verify = (...content: Uint8Array[]) => len(3, ...content)
const xHeader = (...content: Uint8Array[]) => meta(len(4, ...content))

/** `levels` headers in one another, each nothing but the `origin` of the next. */
function nested(levels: number, header: number, origin: number): Buffer {
  const tags: Buffer[] = []
  let length = 0
  for (let level = 0; level < levels; level++) {
    const number = level === levels - 1 ? header : origin
    const tag = Buffer.concat([varint((number << 3) | 2), varint(length)])
    tags.unshift(tag)
    length += tag.length
  }
  return Buffer.concat(tags)
}

/** The message as a whole, which has no path. */
const ROOT = undefined

const repeated = (field: Buffer, times: number) => Array.from({ length: times }, () => field)

const refused: [what: string, bytes: Uint8Array, field: string | undefined][] = [
  [
    'nested lengths that overrun, which a generated decoder follows',
    hex('0a04 0a02 0a08 1206 aabbccddeeff'),
    'body.owner_id.value',
  ],
  ['a length that overruns the message', hex('0a05 00'), 'body'],
  [
    'a length that overruns its parent only',
    Buffer.concat([body(hex('0a02 0a')), num(9, 1)]),
    'body.owner_id',
  ],
  ['an unknown field that overruns', body(hex('4a02 00')), 'body'],
  ['a length near 2^32', hex('0a ffffffff0f'), 'body'],
  ['a length of more than 32 bits', hex('0a 8080808010'), 'body'],
  ['a length of 6 bytes', hex('0a 808080808000'), 'body'],
  ['a length cut short', hex('0a 80'), 'body'],
  ['a tag cut short', hex('80'), ROOT],
  ['a nested tag cut short by its parent', Buffer.concat([body(hex('8a')), hex('0100')]), 'body'],
  ['a tag of more than 32 bits', hex('8a80808010 00'), ROOT],
  ['a tag of 6 bytes', hex('8a8080808000 00'), ROOT],
  ['a zero tag', hex('00'), ROOT],
  ['a nested zero tag', body(hex('00')), 'body'],
  ['field number 0', hex('0200'), ROOT],
  ['a group in the place of a known field', hex('0b 0c'), 'body'],
  ['the start of an unknown group', hex('4b 4c'), ROOT],
  ['the end of a group', meta(hex('4c')), 'meta_header'],
  ['wire type 6', verify(hex('4e')), 'verify_header'],
  ['wire type 7', hex('4f'), ROOT],
  ['a message as a number', num(1, 1), 'body'],
  ['a number as bytes', meta(len(3, hex('02'))), 'meta_header.ttl'],
  ['a number of fixed width', meta(hex('11 0100000000000000')), 'meta_header.epoch'],
  ['a text as a number', xHeader(num(1, 1)), 'meta_header.x_headers.key'],
  ['bytes as a number', verify(len(1, num(2, 1))), 'verify_header.body_signature.sign'],
  ['a number of 65 bits', body(len(2, hex('08 ffffffffffffffffff02'))), 'body.lifetime.exp'],
  ['a number of 11 bytes', body(len(2, hex('08 8080808080808080808000'))), 'body.lifetime.exp'],
  [
    'a number cut short by its parent',
    Buffer.concat([body(len(2, hex('08 80'))), num(9, 1)]),
    'body.lifetime.exp',
  ],
  ['an unknown number of 65 bits', hex('48 ffffffffffffffffff02'), ROOT],
  ['32 bits cut short', hex('4d 000000'), ROOT],
  ['64 bits cut short', Buffer.concat([body(hex('49 00000000000000')), num(9, 1)]), 'body'],
  ['two bodies', Buffer.concat([body(), body()]), 'body'],
  ['two meta headers', Buffer.concat([meta(), meta()]), 'meta_header'],
  ['two verification headers', Buffer.concat([verify(), verify()]), 'verify_header'],
  ['two owners', body(len(1), len(1)), 'body.owner_id'],
  ['two lifetimes', body(len(2), len(2)), 'body.lifetime'],
  ['two versions', meta(len(1), len(1)), 'meta_header.version'],
  ['two tokens', meta(len(5), num(2, 1), len(5)), 'meta_header.token'],
  ['two origins', meta(len(7), len(7)), 'meta_header.origin'],
  [
    'two versions further in',
    meta(len(7, len(7, len(1), len(1)))),
    'meta_header.origin.origin.version',
  ],
  ['two body signatures', verify(len(1), len(1)), 'verify_header.body_signature'],
  ['two bearer tokens', meta(len(6), len(6)), 'meta_header.bearer'],
  ['a token as a number', meta(num(5, 1)), 'meta_header.token'],
  ['a token that overruns', meta(hex('2a02 00')), 'meta_header.token'],
  ['a byte that UTF-8 does not have', xHeader(len(1, hex('ff'))), 'meta_header.x_headers.key'],
  ['an overlong form of UTF-8', xHeader(len(2, hex('c080'))), 'meta_header.x_headers.value'],
  ['a surrogate in UTF-8', xHeader(len(2, hex('eda080'))), 'meta_header.x_headers.value'],
  ['65,537 bytes', len(9, Buffer.alloc(MAX_MESSAGE_BYTES - 3)), ROOT],
  ['1,025 fields', xHeader(...repeated(num(9, 1), MAX_FIELDS - 1)), 'meta_header.x_headers'],
  ['1,025 fields side by side', Buffer.concat(repeated(len(9), MAX_FIELDS + 1)), ROOT],
  ['17 meta headers', nested(17, 2, 7), `meta_header${'.origin'.repeat(16)}`],
  ['17 verification headers', nested(17, 3, 4), `verify_header${'.origin'.repeat(16)}`],
  ['17,000 meta headers', nested(17_000, 2, 7), `meta_header${'.origin'.repeat(16)}`],
  ['17,000 verification headers', nested(17_000, 3, 4), `verify_header${'.origin'.repeat(16)}`],
]

const accepted: [what: string, bytes: Uint8Array][] = [
  ['nothing at all', hex('')],
  [
    'unknown fields of every wire type',
    Buffer.concat([num(9, 1), hex('49 0000000000000000'), len(9, hex('ff00')), hex('4d 00000000')]),
  ],
  [
    'the same inside',
    verify(len(1, num(3, 1), hex('19 0000000000000000'), len(3, hex('ff00')), hex('1d 00000000'))),
  ],
  ['an unknown field that stands twice', Buffer.concat([len(9), len(9)])],
  ['the highest field number', hex('f8ffffff0f 00')],
  ['the highest number', body(len(2, num(1, 2n ** 64n - 1n)))],
  ['numbers, lengths and tags in longer forms', hex('8a808080 00 8600 1283 0008 8100')],
  [
    'fields in another order',
    Buffer.concat([verify(), meta(len(7), num(2, 1)), body(len(2), len(1))]),
  ],
  ['an x-header that stands several times', meta(len(4), len(4), len(4))],
  ['tokens, whatever is in them', meta(len(5, hex('0b00ff')), len(6, Buffer.alloc(60_000, 0x12)))],
  ['1,024 fields', xHeader(...repeated(num(9, 1), MAX_FIELDS - 2))],
  ['a number that stands twice', meta(num(3, 1), num(3, 2))],
  ['text of every length of UTF-8', xHeader(len(1, Buffer.from('aé€😀')))],
  ['65,536 bytes', len(9, Buffer.alloc(MAX_MESSAGE_BYTES - 4))],
  ['16 meta headers', nested(MAX_LEVELS, 2, 7)],
  ['16 verification headers', nested(MAX_LEVELS, 3, 4)],
  ['what is inside an unknown field', len(9, hex('0b00ff'))],
]

describe('the walk refuses', () => {
  test.each(refused)('%s', (_, bytes, field) => {
    expect(refusal(() => walk(bytes, createRequest))).toEqual({ code: 'MALFORMED', field })
  })

  test('levels, not bytes: 17,000 of them fit', () => {
    expect(nested(17_000, 2, 7).length).toBeLessThanOrEqual(MAX_MESSAGE_BYTES)
  })

  test('with the path and the problem in words', () => {
    expect(() => walk(hex('0a04 0a02 0a08 1206'), createRequest)).toThrow(
      new MalformedError(
        'body.owner_id.value',
        'a length of 8 runs past the end of the message that holds it',
      ),
    )
  })
})

test.each(accepted)('the walk accepts %s', (_, bytes) => {
  expect(() => walk(bytes, createRequest)).not.toThrow()
})

describe('of a message the walk gives', () => {
  const owner = len(1, hex('aa'), hex('bb'))
  const bytes = Buffer.concat([
    body(len(1, owner), len(2, num(1, 2n ** 64n - 1n), num(2, 5), num(2, 6))),
    meta(
      num(3, 2n ** 32n + 7n),
      len(4, len(1, hex('61')), len(1, hex('62'))),
      len(4),
      len(5, hex('0b')),
      len(9, hex('cc')),
    ),
  ])
  const walked = walk(bytes, createRequest)
  const [walkedBody, walkedMeta] = [walked.message(1), walked.message(2)]

  test('its own bytes, and those of messages in it, as slices', () => {
    expect(walked.bytes).toEqual(bytes)
    expect(
      Buffer.concat([body(walkedBody?.bytes ?? hex('')), meta(walkedMeta?.bytes ?? hex(''))]),
    ).toEqual(bytes)
    expect(walkedMeta?.bytes.buffer).toBe(bytes.buffer)
  })

  test('bytes as slices, none where there are none', () => {
    expect(walkedBody?.message(1)?.content(1)).toEqual(hex('aabb'))
    expect(walkedBody?.message(1)?.content(1).buffer).toBe(bytes.buffer)
    expect(walkedBody?.message(1)?.content(2)).toEqual(new Uint8Array(0))
  })

  test('numbers, of which the last counts, and 0 where there are none', () => {
    const lifetime = walkedBody?.message(2)
    expect([1, 2, 3].map((number) => lifetime?.uint64(number))).toEqual([2n ** 64n - 1n, 6n, 0n])
    expect(walkedMeta?.uint32(3)).toBe(7)
    expect(walkedMeta?.message(1)?.uint32(1)).toBeUndefined()
    expect(
      walk(meta(len(1)), createRequest)
        .message(2)
        ?.message(1)
        ?.uint32(1),
    ).toBe(0)
  })

  test.each([0n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 64n - 1n])(
    'the very number %i',
    (number) => {
      const epoch = walk(meta(num(2, number)), createRequest)
        .message(2)
        ?.uint64(2)
      expect(epoch).toBe(number)
    },
  )

  test('text with the byte order mark that it begins with', () => {
    const text = Buffer.from('\ufeffé')
    const found = walk(xHeader(len(1, text)), createRequest)
      .message(2)
      ?.messages(4)[0]
    expect(found?.text(1)).toBe('\ufeffé')
  })

  test('every message of a repeated field, in order', () => {
    expect(walkedMeta?.messages(4).map((xHeader) => xHeader.text(1))).toEqual(['b', ''])
    expect(walkedBody?.messages(4)).toEqual([])
  })

  test('nothing of what is unknown, and only the bytes of a message that nobody looks into', () => {
    expect(walkedMeta?.content(5)).toEqual(hex('0b'))
    expect(walkedMeta?.message(9)).toBeUndefined()
    expect(walked.message(3)).toBeUndefined()
  })

  test('every content of a repeated field, in order', () => {
    const data = [hex('aa'), hex(''), hex('bb')]
    const sign = body(...data.map((content) => len(6, content)))
    expect(walk(sign, tokens.signRequest).message(1)?.contents(6)).toEqual(data)
    expect(walk(body(), tokens.signRequest).message(1)?.contents(6)).toEqual([])
  })

  test.each([
    [Buffer.of(), false],
    [num(6, 0), false],
    [num(6, 1), true],
    [num(6, 2n ** 32n), true],
  ])('a flag of the bytes %o as every decoder does: %s', (flag, isSet) => {
    expect(walk(body(flag), tokens.listRequest).message(1)?.flag(6)).toBe(isSet)
    expect(ListRequest_Body.decode(flag).openOnly).toBe(isSet)
  })
})

test('a closed shape has no unknown field, not even inside', () => {
  const refused = [num(9, 1), len(9), len(1, num(9, 1)), len(1, len(4, num(9, 1)))]
  for (const bytes of refused) {
    expect(() => walk(bytes, sessionToken)).toThrow(/has field 9/)
  }
  expect(() => walk(len(1, len(4, num(1, 1))), sessionToken)).not.toThrow()
})

test('a message may be longer where its kind is', () => {
  const long = body(len(6, Buffer.alloc(100_000)))
  expect(() => walk(long, tokens.signRequest, tokens.signRequest.maxBytes)).not.toThrow()
  expect(refusal(() => walk(long, tokens.listRequest, tokens.listRequest.maxBytes))).toBeDefined()
})

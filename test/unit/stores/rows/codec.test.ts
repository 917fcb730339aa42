import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { END_REASONS, type Ending } from '../../../../src/core/session.js'
import {
  decodeEntry,
  decodeSession,
  encodeEntry,
  encodeSession,
} from '../../../../src/stores/rows/codec.js'
import { readRecord } from '../../../../src/stores/rows/record.js'
import { commandSession } from '../../../support/store-sessions.js'

const session = commandSession('id', { userId: 'u', address: 'a', client: 'c' })
const TOKEN = {
  owner: Uint8Array.of(1),
  lifetime: { exp: 3n, nbf: 1n, iat: 1n },
  publicKey: new Uint8Array(32),
}
const answer = { sessionId: 'id', bodySha256: new Uint8Array(32).fill(7), expiresTimeMs: 5 }

describe('an encoded record', () => {
  it('keeps its bytes when the next is encoded', () => {
    const [record, entry] = [encodeSession(session), encodeEntry(answer)]
    encodeSession({ ...session, id: 'another', userId: 'someone else' })
    expect(decodeSession(record)).toEqual(session)
    expect(decodeEntry(entry)).toEqual(answer)
  })

  it('is the same after one that could not be encoded', () => {
    const before = encodeSession(session)
    expect(() => encodeSession({ ...session, openTimeMs: -1 })).toThrow()
    expect(encodeSession(session)).toEqual(before)
  })

  it('is the same after one that is far longer', () => {
    const before = encodeSession(session)
    const data = JSON.stringify('x'.repeat(100_000))
    expect(decodeSession(encodeSession({ ...session, data })).data).toBe(data)
    expect(encodeSession(session)).toEqual(before)
  })
})

describe('a record', () => {
  it('is read as it was written, whatever its values are', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 200 })
    const timeMs = fc.oneof(fc.nat(), fc.maxSafeNat())
    const parts = fc.record({
      ...{ id: text, userId: text, userName: text, address: text, client: text },
      ...{ openTimeMs: timeMs, requestTimeMs: timeMs },
      user: fc.option(fc.json()),
      data: fc.option(fc.json()),
      token: fc.option(
        fc.record({
          owner: fc.uint8Array({ maxLength: 64 }),
          lifetime: fc.record({
            exp: fc.bigInt(0n, 2n ** 64n - 1n),
            nbf: fc.constant(0n),
            iat: fc.constant(1n),
          }),
          publicKey: fc.uint8Array({ minLength: 32, maxLength: 32 }),
        }),
      ),
    })
    fc.assert(
      fc.property(parts, (values) => {
        const written = { ...session, ...values }
        expect(decodeSession(encodeSession(written))).toEqual(written)
      }),
    )
  })

  it.each<[string, Ending | null]>([
    ...END_REASONS.map((reason): [string, Ending] => [reason, { reason, by: 'Ö' }]),
    ['that it ended by itself', { reason: 'idle', by: null }],
    ['nothing, where it is not known', null],
  ])('says why the session ended: %s', (_, ending) => {
    const over = { ...session, active: false, closeTimeMs: 9, user: null, ending }
    expect(decodeSession(encodeSession(over))).toEqual(over)
  })

  it('says nothing of an ending with a reason that this release does not know', () => {
    const over = { ...session, active: false, closeTimeMs: 9, user: null }
    const later = Buffer.concat([encodeSession(over), Buffer.from([0x68, 99, 0x72, 1, 0x61])])
    expect(decodeSession(later)).toEqual({ ...over, ending: null })
  })

  it.each([32, 33])('says that the client holds the key, of %i bytes', (length) => {
    const token = { ...TOKEN, publicKey: new Uint8Array(length).fill(2), isBound: true as const }
    const bound = { ...session, token }
    expect(readRecord(encodeSession(bound), 'a')).toEqual(bound)
    // A key that the server keeps is Ed25519.
    const sealed = { ...session, token: { ...TOKEN, publicKey: new Uint8Array(33) } }
    expect(() => readRecord(encodeSession(sealed), 'a')).toThrow(/values that no session has/)
  })

  it('keeps a byte order mark at the beginning of a text', () => {
    const marked = { ...session, userId: '\ufeffu' }
    expect(decodeSession(encodeSession(marked))).toEqual(marked)
  })

  it.each([
    ['a number', [0xa0, 0x01, 0x07]],
    ['a checksum', [0x7d, 1, 2, 3, 4]],
    ['a text', [0xa2, 0x01, 0x01, 0x61]],
  ])('may have %s that this release does not know', (_, field) => {
    const bytes = Buffer.concat([encodeSession(session), Buffer.from(field)])
    expect(decodeSession(bytes)).toEqual(session)
  })

  it('is an error where it is cut off within a field', () => {
    const bytes = encodeSession({ ...session, data: '[1,2,3]' })
    expect(() => decodeSession(bytes.subarray(0, -1))).toThrow()
    expect(() => decodeSession(bytes.subarray(0, -8))).toThrow()
  })

  it('is an error where it holds a time that no number can', () => {
    const time = [0x28, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]
    expect(() => decodeSession(Buffer.from(time))).toThrow(RangeError)
  })
})

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RequestMetaHeader } from '#generated/service/meta'
import { CreateRequest, CreateRequest_Body } from '#generated/session/service'
import { SessiondError } from '../../src/core/errors.js'
import { verifyChain } from '../../src/envelope/chain.js'
import { readCreateRequest, readCreateResponse } from '../../src/envelope/create.js'
import { wrapRequest } from '../../src/envelope/wrap.js'
import {
  alice,
  carol,
  carolSha512,
  hop,
  hopVerifyHeader,
  len,
  message,
  num,
  requestMeta,
  varint,
  verifiers,
  verifyHeader,
} from '../support/envelope.js'

const text = fc.string({ unit: 'grapheme', maxLength: 12 })
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const signer = fc.constantFrom(alice, hop, carol, carolSha512)

/** Fields that the contract does not know, of every wire type. */
const unknownFields = fc
  .array(
    fc.integer({ min: 8, max: 2 ** 29 - 1 }).chain((number) =>
      fc.oneof(
        uint64.map((value) => Buffer.concat([varint(BigInt(number) << 3n), varint(value)])),
        fc
          .uint8Array({ maxLength: 20 })
          .map((content) =>
            Buffer.concat([varint((BigInt(number) << 3n) | 2n), varint(content.length), content]),
          ),
        fc
          .uint8Array({ minLength: 8, maxLength: 8 })
          .map((content) => Buffer.concat([varint((BigInt(number) << 3n) | 1n), content])),
        fc
          .uint8Array({ minLength: 4, maxLength: 4 })
          .map((content) => Buffer.concat([varint((BigInt(number) << 3n) | 5n), content])),
      ),
    ),
    { maxLength: 2 },
  )
  .map((fields) => Buffer.concat(fields))

/** Known fields with unknown ones before and after. */
const around = fc.tuple(unknownFields, unknownFields)
const put = ([before, after]: [Buffer, Buffer], ...known: Uint8Array[]) =>
  Buffer.concat([before, ...known, after])

const level = fc.record({
  signer,
  epoch: uint64,
  xHeaders: fc.uniqueArray(fc.record({ key: text.filter((key) => key !== ''), value: text }), {
    selector: ({ key }) => key.toLowerCase(),
    maxLength: 3,
  }),
  unknownInMeta: around,
  unknownInVerify: around,
})

const sent = fc.record({
  owner: fc.uint8Array({ minLength: 1, maxLength: 64 }),
  lifetime: fc.record({ exp: uint64, nbf: uint64, iat: uint64 }),
  unknownInBody: around,
  signsNoOrigin: fc.boolean(),
  levels: fc.array(level, { minLength: 1, maxLength: 4 }),
  spareTtl: fc.nat({ max: 2 ** 31 }),
  unknown: unknownFields,
})

test('whatever is well formed and signed is read as it was sent', () => {
  fc.assert(
    fc.property(sent, ({ owner, lifetime, levels, ...rest }) => {
      const body = put(
        rest.unknownInBody,
        CreateRequest_Body.encode({ ownerId: { value: owner }, lifetime }).finish(),
      )
      const metas: Buffer[] = []
      const verifies: Buffer[] = []
      levels.forEach(({ signer, epoch, xHeaders, unknownInMeta, unknownInVerify }, i) => {
        const [innerMeta, innerVerify] = [metas.at(-1), verifies.at(-1)]
        const ttl = rest.spareTtl + levels.length - i
        const meta = put(
          unknownInMeta,
          requestMeta({ epoch, xHeaders, ttl }),
          innerMeta ? len(7, innerMeta) : Buffer.of(),
        )
        const origin = rest.signsNoOrigin ? null : signer
        const verify = innerVerify
          ? hopVerifyHeader(meta, innerVerify, signer)
          : verifyHeader(body, meta, { body: signer, meta: signer, origin })
        metas.push(meta)
        verifies.push(put(unknownInVerify, verify))
      })
      const [meta, verify] = [metas.at(-1), verifies.at(-1)] as [Buffer, Buffer]
      const bytes = Buffer.concat([message(body, meta, verify), rest.unknown])

      const read = readCreateRequest(bytes)
      expect(read.message.body).toEqual(body)
      expect(read.message.levels.map((level) => level.meta)).toEqual(metas)
      expect(read.message.levels.map((level) => level.verify)).toEqual(verifies)
      expect(read.owner).toEqual(owner)
      expect(read.lifetime).toEqual(lifetime)
      expect(read.epoch).toBe(levels.at(-1)?.epoch)
      const xHeaders = new Map(levels[0]?.xHeaders.map(({ key, value }) => [key, value]))
      expect(read.client).toBe(xHeaders.get('client'))
      expect(verifyChain(read.message, verifiers)).toEqual(
        Buffer.from(levels[0]?.signer.publicKey ?? []),
      )

      // A level read from its own slice is what a decoder of the whole message sees there.
      let header = CreateRequest.decode(bytes).metaHeader
      for (const { meta } of read.message.levels.toReversed()) {
        expect(RequestMetaHeader.decode(meta)).toEqual(header)
        header = header?.origin
      }
      expect(header).toBeUndefined()
    }),
    { numRuns: 150 },
  )
})

test('a wrapped request verifies and holds what it wraps', () => {
  fc.assert(
    fc.property(fc.array(signer, { minLength: 1, maxLength: 4 }), uint64, (hops, epoch) => {
      const body = CreateRequest_Body.encode({
        ownerId: { value: alice.publicKey },
        lifetime: { exp: 2n, nbf: 1n, iat: 1n },
      }).finish()
      const meta = requestMeta({ ttl: 9 })
      let bytes = message(body, meta, verifyHeader(body, meta))
      for (const hop of hops) {
        const inner = readCreateRequest(bytes).message
        bytes = wrapRequest(bytes, hop, { epoch })
        const outer = readCreateRequest(bytes)
        expect(outer.message.levels.slice(0, -1)).toEqual(inner.levels)
        expect(outer.epoch).toBe(epoch)
        expect(verifyChain(outer.message, verifiers)).toEqual(Buffer.from(alice.publicKey))
      }
    }),
    { numRuns: 30 },
  )
})

test('random bytes are refused, never more', () => {
  const near = fc.array(
    fc.oneof(
      fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes)),
      fc.tuple(fc.integer({ min: 1, max: 9 }), uint64).map(([n, value]) => num(n, value)),
      fc
        .tuple(fc.integer({ min: 1, max: 9 }), fc.uint8Array({ maxLength: 12 }))
        .map(([n, content]) => len(n, len(n, content))),
    ),
  )
  fc.assert(
    fc.property(near, (parts) => {
      for (const read of [readCreateRequest, readCreateResponse]) {
        expect(() => read(Buffer.concat(parts))).toThrow(SessiondError)
      }
    }),
    { numRuns: 2_000 },
  )
})

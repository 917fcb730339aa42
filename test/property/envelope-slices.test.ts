import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf'
import { BinaryReader } from '@bufbuild/protobuf/wire'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createRequest, createResponse, tokens } from '../../src/envelope/shapes.js'
import { walk } from '../../src/envelope/walk.js'
import type { WalkedMessage } from '../../src/envelope/walked-message.js'
import { contracts } from '../support/contract.js'
import { len, num, varint } from '../support/envelope.js'

/** Signed, and not looked into: any bytes may stand there. */
const UNREAD = ['service.SessionToken', 'service.BearerToken']
const MAX_WRAPPED = 3

const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const anyBytes = fc.uint8Array({ maxLength: 40 })
const unknownField = fc.integer({ min: 20, max: 2 ** 29 - 1 }).chain((number) =>
  fc.oneof(
    uint64.map((value) => Buffer.concat([varint(BigInt(number) << 3n), varint(value)])),
    anyBytes.map((bytes) =>
      Buffer.concat([varint((BigInt(number) << 3n) | 2n), varint(bytes.length), bytes]),
    ),
  ),
)

/** A message of this type: its fields in any order, those that may stand twice twice, unknown ones among them. */
function messageOf(type: DescMessage, wraps = 0): fc.Arbitrary<Buffer> {
  const fields = type.fields.flatMap((field) => {
    const isOrigin = field.message === type
    if (isOrigin && wraps === MAX_WRAPPED) {
      return []
    }
    const isOnce = field.message !== undefined && field.fieldKind !== 'list'
    const content = fieldOf(field, isOrigin ? wraps + 1 : 0)
    return [fc.array(content, { maxLength: isOnce ? 1 : 2 })]
  })
  return fc
    .tuple(...fields, fc.array(unknownField, { maxLength: 2 }))
    .chain((parts) => {
      const all = parts.flat()
      return fc.shuffledSubarray(all, { minLength: all.length })
    })
    .map((parts) => Buffer.concat(parts))
}

/** A number of any length up to 64 bits, of which a decoder takes what it has room for. */
const isShortNumber = ({ scalar, enum: verbs }: DescField) =>
  verbs !== undefined || scalar === ScalarType.BOOL

function fieldOf(field: DescField, wraps: number): fc.Arbitrary<Buffer> {
  const { number, message, scalar } = field
  if (isShortNumber(field)) {
    return uint64.map((value) => num(number, value))
  }
  if (message !== undefined) {
    const content = UNREAD.includes(message.typeName) ? anyBytes : messageOf(message, wraps)
    return content.map((bytes) => len(number, bytes))
  }
  switch (scalar) {
    case ScalarType.UINT32:
      return fc.nat().map((value) => num(number, value))
    case ScalarType.UINT64:
      return uint64.map((value) => num(number, value))
    case ScalarType.STRING:
      return fc.string({ unit: 'grapheme' }).map((text) => len(number, Buffer.from(text)))
    default:
      return anyBytes.map((bytes) => len(number, bytes))
  }
}

/** What the runtime of the generated code reads: of each field every value, in their order. */
function valuesOf(bytes: Uint8Array, type: DescMessage): Map<number, unknown[]> {
  const reader = new BinaryReader(bytes)
  const values = new Map(type.fields.map(({ number }) => [number, [] as unknown[]]))
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag()
    const field = type.fields.find((candidate) => candidate.number === number)
    if (field === undefined) {
      reader.skip(wireType, number)
    } else if (field.enum !== undefined) {
      values.get(number)?.push(reader.int32() >>> 0)
    } else if (field.scalar === ScalarType.BOOL) {
      values.get(number)?.push(Number(reader.bool()))
    } else if (field.scalar === ScalarType.UINT32) {
      values.get(number)?.push(reader.uint32())
    } else if (field.scalar === ScalarType.UINT64) {
      values.get(number)?.push(BigInt(reader.uint64()))
    } else {
      values.get(number)?.push(reader.bytes())
    }
  }
  return values
}

/** Where a slice lies: two that lie in the same place are the same. */
const place = ({ buffer, byteOffset, length }: Uint8Array) => ({ buffer, byteOffset, length })

function expectSame(walked: WalkedMessage, bytes: Uint8Array, type: DescMessage): void {
  expect(place(walked.bytes)).toEqual(place(bytes))
  const values = valuesOf(bytes, type)
  for (const field of type.fields) {
    const { number, message, fieldKind, scalar } = field
    const found = values.get(number) ?? []
    const last = found.at(-1)
    if (message !== undefined && !UNREAD.includes(message.typeName)) {
      const messages =
        fieldKind === 'list' ? walked.messages(number) : [walked.message(number) ?? []].flat()
      expect(messages).toHaveLength(found.length)
      messages.forEach((inner, i) => {
        expectSame(inner, found[i] as Uint8Array, message)
      })
    } else if (fieldKind === 'list') {
      expect(walked.contents(number).map(place)).toEqual((found as Uint8Array[]).map(place))
    } else if (scalar === ScalarType.UINT32 || isShortNumber(field)) {
      expect(walked.uint32(number)).toBe(last ?? 0)
    } else if (scalar === ScalarType.UINT64) {
      expect(walked.uint64(number)).toBe(last ?? 0n)
    } else if (last === undefined) {
      expect(walked.content(number)).toHaveLength(0)
    } else {
      expect(place(walked.content(number))).toEqual(place(last as Uint8Array))
    }
    if (scalar === ScalarType.STRING && fieldKind !== 'list') {
      expect(walked.text(number)).toBe(Buffer.from((last ?? []) as Uint8Array).toString())
    }
  }
}

test.each([createRequest, createResponse, ...Object.values(tokens)])(
  'the one walk yields every slice of a $name as the generated code’s runtime reads it',
  (shape) => {
    const type = contracts.getMessage(shape.name) as DescMessage
    fc.assert(
      fc.property(messageOf(type), (bytes) => {
        expectSame(walk(bytes, shape), bytes, type)
      }),
      { numRuns: shape === createRequest ? 300 : 100 },
    )
  },
)

import { isUtf8 } from 'node:buffer'
import type { Field, Shape } from './shapes.js'
import { WireReader, WireType } from './wire.js'

/** The longest message that is looked at. */
export const MAX_MESSAGE_BYTES = 64 * 1024
/** How often a header may stand in another's `origin`, counting itself. */
export const MAX_LEVELS = 16

/**
 * Goes over received bytes before any decoder sees them, for decoders forgive: they read past the
 * end of a nested message, stop at a zero tag, take the last of two messages where one may stand,
 * and recurse as deep as the sender likes. What passes here, every decoder reads alike. Unknown
 * fields pass. Throws MalformedError.
 */
export function walk(bytes: Uint8Array, shape: Shape): void {
  const reader = new WireReader(bytes)
  if (bytes.length > MAX_MESSAGE_BYTES) {
    reader.refuse(`${bytes.length} bytes are more than the ${MAX_MESSAGE_BYTES} allowed`)
  }
  walkFields(reader, shape, 1)
}

/** Only `origin` refers back to its own shape, so `level` bounds the recursion. */
function walkFields(reader: WireReader, shape: Shape, level: number): void {
  let seen = 0
  while (reader.pos < reader.end) {
    const tag = reader.tag()
    const number = tag >>> 3
    const wireType = tag & 7
    const field = shape.fields[number]
    if (field === undefined) {
      reader.skip(wireType)
      continue
    }
    reader.path.push(field.name)
    checkWireType(reader, field, wireType)
    if (!field.repeated && isMessage(field)) {
      if (seen & (1 << number)) {
        reader.refuse('stands twice')
      }
      seen |= 1 << number
    }
    if (typeof field.kind === 'object') {
      walkMessage(reader, field.kind, number === shape.origin ? level + 1 : 1)
    } else if (field.kind === 'string') {
      walkString(reader)
    } else {
      reader.skip(wireType)
    }
    reader.path.pop()
  }
}

function isMessage({ kind }: Field): boolean {
  return typeof kind === 'object' || kind === 'unread message'
}

function walkMessage(reader: WireReader, shape: Shape, level: number): void {
  if (level > MAX_LEVELS) {
    reader.refuse(`more than ${MAX_LEVELS} levels`)
  }
  const outerEnd = reader.end
  reader.end = reader.fieldEnd()
  walkFields(reader, shape, level)
  reader.end = outerEnd
}

function walkString(reader: WireReader): void {
  const end = reader.fieldEnd()
  if (!isUtf8(reader.bytes.subarray(reader.pos, end))) {
    reader.refuse('is not UTF-8')
  }
  reader.pos = end
}

function checkWireType(reader: WireReader, { kind }: Field, wireType: number): void {
  const expected = kind === 'varint' ? WireType.Varint : WireType.LengthDelimited
  if (wireType !== expected) {
    reader.refuse(`wire type ${wireType} where ${expected} belongs`)
  }
}

/**
 * The content of the length-delimited field `number` as a slice, undefined where there is none.
 * `bytes` must have been walked. Of a field that stands twice the last counts, as for decoders.
 */
export function fieldBytes(bytes: Uint8Array, number: number): Uint8Array | undefined {
  const wanted = (number << 3) | WireType.LengthDelimited
  const reader = new WireReader(bytes)
  let found: Uint8Array | undefined
  while (reader.pos < reader.end) {
    const tag = reader.tag()
    if (tag === wanted) {
      found = reader.content()
    } else {
      reader.skip(tag & 7)
    }
  }
  return found
}

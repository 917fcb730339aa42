import { isUtf8 } from '../core/bytes.js'
import { type Field, MAX_MESSAGE_BYTES, type Shape } from './shapes.js'
import { WalkedMessage } from './walked-message.js'
import { MAX_FIELDS, WireReader } from './wire.js'

/** The most levels that a message may have: its sender's, and those of 15 nodes that forwarded it. */
export const MAX_LEVELS = 16

/**
 * Reads a received message strictly, in one pass that yields all its slices. Decoders are lenient: they read past the
 * end of a nested message, stop at a zero tag, accept a message twice where one may stand, and recurse as deep as the
 * sender likes. Every decoder reads alike what passes here. Unknown fields pass, but in closed shapes. Throws
 * MalformedError.
 */
export function walk(
  bytes: Uint8Array,
  shape: Shape,
  maxBytes: number = MAX_MESSAGE_BYTES,
  maxFields: number = MAX_FIELDS,
): WalkedMessage {
  const reader = new WireReader(bytes, maxFields)
  if (bytes.length > maxBytes) {
    reader.refuse(`${bytes.length} bytes are more than the ${maxBytes} allowed`)
  }
  return walkFields(reader, shape, 1)
}

/** Reads to the end of the message. Only `origin` has the shape of its parent, so `level` bounds the recursion. */
function walkFields(reader: WireReader, shape: Shape, level: number): WalkedMessage {
  const walked = new WalkedMessage(reader.bytes, reader.pos, reader.end, shape.fields.length)
  if (shape.fields.length === 0 && !shape.isClosed) {
    reader.skipAll()
    return walked
  }
  let seen = 0
  while (reader.pos < reader.end) {
    const tag = reader.tag()
    const number = tag >>> 3
    const field = shape.fields[number]
    if (field === undefined) {
      if (shape.isClosed) {
        reader.refuse(`has field ${number}, which ${shape.name} does not have here`)
      }
      reader.skip(tag & 7)
      continue
    }
    reader.path.push(field.name)
    if ((tag & 7) !== field.wireType) {
      reader.refuse(`wire type ${tag & 7} where ${field.wireType} belongs`)
    }
    if (isMessage(field) && !field.repeated) {
      if (seen & (1 << number)) {
        reader.refuse('stands twice')
      }
      seen |= 1 << number
    }
    switch (field.kind) {
      case 'uint32':
      case 'int32':
        walked.set(number, reader.uint32())
        break
      case 'bool':
        walked.set(number, reader.uint64() === 0n ? 0 : 1)
        break
      case 'uint64':
        walked.set(number, reader.uint64())
        break
      case 'bytes':
      case 'unread message':
        put(walked, field, number, reader.content())
        break
      case 'string':
        put(walked, field, number, readText(reader))
        break
      default: {
        const inner = number === shape.origin ? level + 1 : 1
        put(walked, field, number, walkMessage(reader, field.kind, inner))
      }
    }
    reader.path.pop()
  }
  return walked
}

function put(
  walked: WalkedMessage,
  { repeated }: Field,
  number: number,
  value: Uint8Array | WalkedMessage,
): void {
  if (repeated) {
    walked.add(number, value)
  } else {
    walked.set(number, value)
  }
}

function isMessage({ kind }: Field): boolean {
  return typeof kind === 'object' || kind === 'unread message'
}

function walkMessage(reader: WireReader, shape: Shape, level: number): WalkedMessage {
  if (level > MAX_LEVELS) {
    reader.refuse(`more than ${MAX_LEVELS} levels`)
  }
  const outerEnd = reader.end
  reader.end = reader.fieldEnd()
  const walked = walkFields(reader, shape, level)
  reader.end = outerEnd
  return walked
}

function readText(reader: WireReader): Uint8Array {
  const text = reader.content()
  if (!isUtf8(text)) {
    reader.refuse('is not UTF-8')
  }
  return text
}

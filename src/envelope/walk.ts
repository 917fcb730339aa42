import { isUtf8 } from 'node:buffer'
import type { Field, Shape } from './shapes.js'
import { WalkedMessage } from './walked-message.js'
import { WireReader, WireType } from './wire.js'

/** The longest message that is read, in bytes: 64 KiB. */
export const MAX_MESSAGE_BYTES = 64 * 1024
/** The most levels that a message may have: its sender's, and those of 15 nodes that forwarded it. */
export const MAX_LEVELS = 16

/**
 * Reads a received message strictly, in one pass that yields all its slices. Decoders are lenient: they read past the
 * end of a nested message, stop at a zero tag, accept a message twice where one may stand, and recurse as deep as the
 * sender likes. Every decoder reads alike what passes here. Unknown fields pass. Throws MalformedError.
 */
export function walk(bytes: Uint8Array, shape: Shape): WalkedMessage {
  const reader = new WireReader(bytes)
  if (bytes.length > MAX_MESSAGE_BYTES) {
    reader.refuse(`${bytes.length} bytes are more than the ${MAX_MESSAGE_BYTES} allowed`)
  }
  return walkFields(reader, shape, 1)
}

/** Reads to the end of the message. Only `origin` has the shape of its parent, so `level` bounds the recursion. */
function walkFields(reader: WireReader, shape: Shape, level: number): WalkedMessage {
  const walked = new WalkedMessage(reader.bytes, reader.pos, reader.end, shape.fields.length)
  let seen = 0
  while (reader.pos < reader.end) {
    const tag = reader.tag()
    const number = tag >>> 3
    const field = shape.fields[number]
    if (field === undefined) {
      reader.skip(tag & 7)
      continue
    }
    reader.path.push(field.name)
    checkWireType(reader, field, tag & 7)
    if (isMessage(field) && !field.repeated) {
      if (seen & (1 << number)) {
        reader.refuse('stands twice')
      }
      seen |= 1 << number
    }
    switch (field.kind) {
      case 'uint32':
        walked.set(number, reader.uint32())
        break
      case 'uint64':
        walked.set(number, reader.uint64())
        break
      case 'bytes':
        walked.set(number, reader.content())
        break
      case 'string':
        walked.set(number, readText(reader))
        break
      case 'unread message':
        reader.skip(WireType.LengthDelimited)
        break
      default: {
        const message = walkMessage(reader, field.kind, number === shape.origin ? level + 1 : 1)
        if (field.repeated) {
          walked.add(number, message)
        } else {
          walked.set(number, message)
        }
      }
    }
    reader.path.pop()
  }
  return walked
}

function isMessage({ kind }: Field): boolean {
  return typeof kind === 'object' || kind === 'unread message'
}

function checkWireType(reader: WireReader, { kind }: Field, wireType: number): void {
  const expected =
    kind === 'uint32' || kind === 'uint64' ? WireType.Varint : WireType.LengthDelimited
  if (wireType !== expected) {
    reader.refuse(`wire type ${wireType} where ${expected} belongs`)
  }
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

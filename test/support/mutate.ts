import { createRequest, type Shape } from '../../src/envelope/shapes.js'
import { varint } from './envelope.js'

/** A whole number of at least 0 and less than `below`. */
export type Random = (below: number) => number

/** Tommy Ettinger's mulberry32: not for secrets, but the same numbers for the same seed. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

/**
 * One of the valid `originals`, damaged: in its fields (which keeps the lengths right, so that the
 * damage gets past the structure), in its bytes, or in both. May by chance come out undamaged. `shape`: theirs.
 */
export function mutate(
  random: Random,
  originals: readonly Uint8Array[],
  shape: Shape = createRequest,
): Uint8Array {
  let bytes: Buffer = Buffer.from(pick(random, originals))
  const where = pick(random, ['fields', 'fields', 'bytes', 'both'])
  if (where !== 'bytes') {
    const fields = parse(bytes, shape)
    for (let times = 1 + random(3); times > 0; times--) {
      pick(random, fieldMutations)(random, fields, parse(pick(random, originals), shape))
    }
    bytes = serialize(fields)
  }
  if (where !== 'fields') {
    for (let times = 1 + random(3); times > 0 && bytes.length > 0; times--) {
      bytes = pick(random, byteMutations)(random, bytes, pick(random, originals))
    }
  }
  return bytes
}

/** Damages `bytes`, of which there is at least one; may take parts of another input. */
export type ByteMutation = (random: Random, bytes: Buffer, other: Uint8Array) => Buffer

export const byteMutations: readonly ByteMutation[] = [
  function flipBit(random, bytes) {
    const at = random(bytes.length)
    bytes[at] = (bytes[at] as number) ^ (1 << random(8))
    return bytes
  },
  function setByte(random, bytes) {
    bytes[random(bytes.length)] = pick(random, [0, 1, 0x0a, 0x12, 0x7f, 0x80, 0xff])
    return bytes
  },
  function insert(random, bytes) {
    const at = random(bytes.length + 1)
    const inserted = Buffer.from(Array.from({ length: 1 + random(4) }, () => random(256)))
    return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at)])
  },
  function remove(random, bytes) {
    const at = random(bytes.length)
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random(4))])
  },
  function truncate(random, bytes) {
    return Buffer.from(bytes.subarray(0, random(bytes.length)))
  },
  function splice(random, bytes, other) {
    return Buffer.concat([
      bytes.subarray(0, random(bytes.length)),
      other.subarray(random(other.length)),
    ])
  },
]

const BODY = 0x0a
const VERIFY_HEADER = 0x1a
const BODY_SIGNATURE = 0x0a

type FieldMutation = (random: Random, fields: Field[], other: Field[]) => void

const fieldMutations: FieldMutation[] = [
  function duplicate(random, fields) {
    const { siblings, field } = pickField(random, fields)
    siblings.splice(random(siblings.length + 1), 0, field)
  },
  function drop(random, fields) {
    const { siblings, field } = pickField(random, fields)
    siblings.splice(siblings.indexOf(field), 1)
  },
  function reorder(random, fields) {
    const { siblings, field } = pickField(random, fields)
    siblings.splice(siblings.indexOf(field), 1)
    siblings.splice(random(siblings.length + 1), 0, field)
  },
  function exchange(random, fields, other) {
    const { field } = pickField(random, fields)
    const same = flatten(other).filter(({ field: { tag } }) => tag === field.tag)
    if (same.length > 0) {
      field.content = pick(random, same).field.content
    }
  },
  /** An observed body with its signature, under somebody else's headers. */
  function exchangeBody(_random, fields, other) {
    for (const path of [[BODY], [VERIFY_HEADER, BODY_SIGNATURE]]) {
      const [to, from] = [fieldAt(fields, path), fieldAt(other, path)]
      if (to !== undefined && from !== undefined) {
        to.content = from.content
      }
    }
  },
  function moveContent(random, fields) {
    const { field } = pickField(random, fields)
    const { field: from } = pickField(random, fields)
    if ((from.tag & 7) === (field.tag & 7) && !contains(from, field)) {
      field.content = from.content
    }
  },
  function changeContent(random, fields) {
    const { field } = pickField(random, fields)
    if (Buffer.isBuffer(field.content) && field.content.length > 0) {
      field.content = Buffer.from(field.content)
      field.content[random(field.content.length)] = random((field.tag & 7) === 0 ? 128 : 256)
    }
  },
  function empty(random, fields) {
    const { field } = pickField(random, fields)
    field.content = (field.tag & 7) === 0 ? Buffer.of(0) : []
  },
  function addUnknown(random, fields) {
    const { siblings } = pickField(random, fields)
    const content = Buffer.from([random(128)])
    siblings.splice(random(siblings.length + 1), 0, {
      tag: (((8 + random(100)) << 3) | pick(random, [0, 2])) >>> 0,
      content,
      lengthError: 0,
    })
  },
  function changeTag(random, fields) {
    pickField(random, fields).field.tag = 1 + random(64)
  },
  function changeLength(random, fields) {
    pickField(random, fields).field.lengthError = random(9) - 4
  },
]

/** A field of a valid message; the content of a message is its fields. */
interface Field {
  tag: number
  content: Buffer | Field[]
  /** Added to the length that is written. */
  lengthError: number
}

interface Place {
  readonly siblings: Field[]
  readonly field: Field
}

function parse(bytes: Uint8Array, shape: Shape): Field[] {
  const fields: Field[] = []
  let pos = 0
  const number = () => {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[pos++] as number
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) {
        return value >>> 0
      }
    }
  }
  while (pos < bytes.length) {
    const tag = number()
    let start = pos
    if ((tag & 7) === 2) {
      const length = number()
      start = pos
      pos += length
    } else if ((tag & 7) === 0) {
      while ((bytes[pos++] as number) >= 0x80) {}
    } else {
      pos += (tag & 7) === 1 ? 8 : 4
    }
    const content = Buffer.from(bytes.subarray(start, pos))
    const kind = shape.fields[tag >>> 3]?.kind
    fields.push({
      tag,
      content: typeof kind === 'object' ? parse(content, kind) : content,
      lengthError: 0,
    })
  }
  return fields
}

function serialize(fields: readonly Field[]): Buffer {
  return Buffer.concat(
    fields.map(({ tag, content, lengthError }) => {
      const bytes = Buffer.isBuffer(content) ? content : serialize(content)
      return (tag & 7) === 2
        ? Buffer.concat([varint(tag), varint(Math.max(0, bytes.length + lengthError)), bytes])
        : Buffer.concat([varint(tag), bytes])
    }),
  )
}

/** The first field that the tags of `path` lead to. */
function fieldAt(fields: Field[], [tag, ...rest]: number[]): Field | undefined {
  const field = fields.find((field) => field.tag === tag)
  return rest.length === 0 || field === undefined || Buffer.isBuffer(field.content)
    ? field
    : fieldAt(field.content, rest)
}

function flatten(fields: Field[]): Place[] {
  return fields.flatMap((field) => [
    { siblings: fields, field },
    ...(Buffer.isBuffer(field.content) ? [] : flatten(field.content)),
  ])
}

function contains(outer: Field, inner: Field): boolean {
  return (
    outer === inner ||
    (!Buffer.isBuffer(outer.content) && outer.content.some((field) => contains(field, inner)))
  )
}

/** Any field; a new one where a mutation has left none. */
function pickField(random: Random, fields: Field[]): Place {
  const places = flatten(fields)
  if (places.length > 0) {
    return pick(random, places)
  }
  const field = { tag: 10, content: Buffer.of(), lengthError: 0 }
  fields.push(field)
  return { siblings: fields, field }
}

export function pick<T>(random: Random, from: readonly T[]): T {
  return from[random(from.length)] as T
}

import { MalformedError } from '../core/errors.js'

/** The wire types that proto3 uses. 3 and 4 bracket groups, 6 and 7 are nothing. */
export const WireType = { Varint: 0, Fixed64: 1, LengthDelimited: 2, Fixed32: 5 } as const

/**
 * Reads protobuf's wire format without forgiving anything. Every method throws MalformedError,
 * whose field is `path`, where the bytes up to `end` do not hold what it is to read.
 */
export class WireReader {
  pos = 0
  /** Where the message that is being read ends. */
  end: number
  /** Names of the fields that lead to `pos`. */
  readonly path: string[] = []

  /** `name` stands for the message as a whole in errors. */
  constructor(
    readonly bytes: Uint8Array,
    private readonly name: string,
  ) {
    this.end = bytes.length
  }

  /** A tag: `number << 3 | wireType`, with a number of at least 1. */
  tag(): number {
    const tag = this.uint32('a tag')
    if (tag >>> 3 === 0) {
      this.refuse('a tag with field number 0')
    }
    return tag
  }

  /** The length before a length-delimited field; returns where the field ends. */
  fieldEnd(): number {
    const length = this.uint32('a length')
    if (length > this.end - this.pos) {
      this.refuse(`a length of ${length} runs past the end of the message that holds it`)
    }
    return this.pos + length
  }

  /** Passes over a field of which only the wire type matters. */
  skip(wireType: number): void {
    switch (wireType) {
      case WireType.Varint:
        this.skipVarint()
        break
      case WireType.Fixed64:
        this.skipFixed(8)
        break
      case WireType.LengthDelimited:
        this.pos = this.fieldEnd()
        break
      case WireType.Fixed32:
        this.skipFixed(4)
        break
      default:
        this.refuse(`wire type ${wireType}, which proto3 does not use`)
    }
  }

  refuse(problem: string): never {
    throw new MalformedError(this.path.length === 0 ? this.name : this.path.join('.'), problem)
  }

  /** At most 64 bits, that is at most 10 bytes with at most 1 in the last. */
  private skipVarint(): void {
    const start = this.pos
    while (this.byte('a number') >= 0x80) {
      if (this.pos - start === 10) {
        this.refuse('a number of more than 64 bits')
      }
    }
    if (this.pos - start === 10 && (this.bytes[this.pos - 1] as number) > 1) {
      this.refuse('a number of more than 64 bits')
    }
  }

  private skipFixed(length: number): void {
    if (length > this.end - this.pos) {
      this.refuse('a number is cut short')
    }
    this.pos += length
  }

  /** At most 32 bits, that is at most 5 bytes with at most 15 in the last. */
  private uint32(what: string): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte(what)
      if (shift === 28 && byte > 0x0f) {
        break
      }
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) {
        return value >>> 0
      }
    }
    return this.refuse(`${what} of more than 32 bits`)
  }

  private byte(what: string): number {
    if (this.pos >= this.end) {
      this.refuse(`${what} is cut short`)
    }
    return this.bytes[this.pos++] as number
  }
}

/** Length-delimited fields with numbers up to 15, in the order given. */
export function encodeFields(...fields: [number: number, content: Uint8Array][]): Buffer {
  let length = 0
  for (const [, content] of fields) {
    length += 1 + varintLength(content.length) + content.length
  }
  // One allocation: these are most of what a response is made of.
  const bytes = Buffer.allocUnsafe(length)
  let pos = 0
  for (const [number, content] of fields) {
    bytes[pos++] = (number << 3) | WireType.LengthDelimited
    let rest = content.length
    for (; rest > 0x7f; rest >>>= 7) {
      bytes[pos++] = (rest & 0x7f) | 0x80
    }
    bytes[pos++] = rest
    bytes.set(content, pos)
    pos += content.length
  }
  return bytes
}

function varintLength(value: number): number {
  return value < 0x80 ? 1 : 1 + varintLength(value >>> 7)
}

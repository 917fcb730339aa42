import { MalformedError } from '../core/errors.js'

/** The wire types that proto3 uses. 3 and 4 bracket groups, 6 and 7 are nothing. */
export const WireType = { Varint: 0, Fixed64: 1, LengthDelimited: 2, Fixed32: 5 } as const

/**
 * The most fields of most messages, nested ones included: a stranger's message must not cost more than a signed request.
 * The fields of tokens do not count, because nobody reads them, nor do those of a body that nobody looks into.
 */
export const MAX_FIELDS = 1024

/** The high half of the largest number below which a double is exact. */
const MAX_EXACT_HIGH = 2 ** 21 - 1

/**
 * Reads protobuf's wire format strictly. Every method throws MalformedError, with `path` as its field, if the bytes up
 * to `end` do not hold what it reads.
 */
export class WireReader {
  pos = 0
  /** Where the message that is being read ends. */
  end: number
  /** Names of the fields that lead to `pos`. */
  readonly path: string[] = []
  #fields = 0
  /** The high 32 bits of the number that was read last. */
  #high = 0

  constructor(
    readonly bytes: Uint8Array,
    private readonly maxFields = MAX_FIELDS,
  ) {
    this.end = bytes.length
  }

  /** A tag: `number << 3 | wireType`, with a number of at least 1. */
  tag(): number {
    if (++this.#fields > this.maxFields) {
      this.refuse(`more than ${this.maxFields} fields`)
    }
    return this.uncountedTag()
  }

  /** Passes over all fields up to `end`. They do not count, because nothing is made of them. */
  skipAll(): void {
    while (this.pos < this.end) {
      this.skip(this.uncountedTag() & 7)
    }
  }

  /** The length before a length-delimited field; returns where the field ends. */
  fieldEnd(): number {
    const length = this.short('a length')
    if (length > this.end - this.pos) {
      this.refuse(`a length of ${length} runs past the end of the message that holds it`)
    }
    return this.pos + length
  }

  /** What stands in a length-delimited field, as a slice. */
  content(): Uint8Array {
    const end = this.fieldEnd()
    const content = this.bytes.subarray(this.pos, end)
    this.pos = end
    return content
  }

  /** A number of up to 64 bits. */
  uint64(): bigint {
    const low = this.uint32()
    const high = this.#high
    // One small allocation in place of four, for every number that a double holds.
    return high <= MAX_EXACT_HIGH
      ? BigInt(high * 2 ** 32 + low)
      : (BigInt(high) << 32n) | BigInt(low)
  }

  /**
   * The low 32 bits of a number: decoders take no more of a longer one. It may have up to 64 bits, that is 10 bytes
   * with at most 1 in the last.
   */
  uint32(): number {
    let low = 0
    let high = 0
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.byte('a number')
      const bits = byte & 0x7f
      if (shift === 63 && byte > 1) {
        break
      }
      if (shift < 32) {
        low |= bits << shift
      }
      if (shift > 25) {
        high |= shift < 32 ? bits >>> (32 - shift) : bits << (shift - 32)
      }
      if (byte < 0x80) {
        this.#high = high >>> 0
        return low >>> 0
      }
    }
    return this.refuse('a number of more than 64 bits')
  }

  /** Passes over a field of which only the wire type matters. */
  skip(wireType: number): void {
    switch (wireType) {
      case WireType.Varint:
        this.uint32()
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
    throw new MalformedError(this.path.join('.'), problem)
  }

  private uncountedTag(): number {
    const tag = this.short('a tag')
    if (tag >>> 3 === 0) {
      this.refuse('a tag with field number 0')
    }
    return tag
  }

  private skipFixed(length: number): void {
    if (length > this.end - this.pos) {
      this.refuse('a number is cut short')
    }
    this.pos += length
  }

  /** At most 32 bits, that is at most 5 bytes with at most 15 in the last. */
  private short(what: string): number {
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

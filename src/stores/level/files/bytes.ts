/** The bytes violate their format. */
export class FormatError extends Error {}

/** Reads the primitives of LevelDB's files from a slice, never beyond its end. Throws FormatError. */
export class ByteReader {
  offset = 0

  constructor(private readonly bytes: Buffer) {}

  get left(): number {
    return this.bytes.length - this.offset
  }

  byte(): number {
    return this.take(1)[0] as number
  }

  /** At most 2^53 − 1. */
  varint(): number {
    let value = 0
    for (let shift = 0; shift < 64; shift += 7) {
      const byte = this.byte()
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) {
        if (!Number.isSafeInteger(value)) {
          throw new FormatError('a number is too large')
        }
        return value
      }
    }
    throw new FormatError('a number is too long')
  }

  take(length: number): Buffer {
    if (length > this.left) {
      throw new FormatError('it ends too early')
    }
    const slice = this.bytes.subarray(this.offset, this.offset + length)
    this.offset += length
    return slice
  }

  /** Bytes that are preceded by their length. */
  sized(): Buffer {
    return this.take(this.varint())
  }
}

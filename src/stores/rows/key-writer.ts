const LENGTH_BYTES = 2
export const TIME_BYTES = 8
const MAX_CHAR_BYTES = 3
const USUAL_BYTES = 512

/**
 * Writes keys, one at a time: part by part into memory that all keys share, then a copy of the whole. A Create writes
 * seven, and a Buffer for each part would be most of what its rows cost.
 */
export class KeyWriter {
  private memory = Buffer.allocUnsafeSlow(USUAL_BYTES)
  private length = 0

  /** Begins a key. */
  begin(): this {
    this.length = 0
    return this
  }

  /** Begins the key of a row in a range. */
  range(name: number): this {
    return this.begin().byte(name)
  }

  byte(value: number): this {
    this.reserve(1)
    this.memory[this.length++] = value
    return this
  }

  /** Unix milliseconds, which sort as bytes. */
  time(ms: number): this {
    this.reserve(TIME_BYTES)
    this.length = this.memory.writeUInt32BE(Math.floor(ms / 2 ** 32), this.length)
    this.length = this.memory.writeUInt32BE(ms % 2 ** 32, this.length)
    return this
  }

  /** Without its length: the last part. */
  text(part: string): this {
    this.reserve(part.length * MAX_CHAR_BYTES)
    this.length += this.memory.write(part, this.length)
    return this
  }

  /** Without its length: of a fixed one, or the last part. */
  bytes(part: Uint8Array): this {
    this.reserve(part.length)
    this.memory.set(part, this.length)
    this.length += part.length
    return this
  }

  /** With its length in 2 bytes before it. */
  sizedText(part: string): this {
    this.reserve(LENGTH_BYTES)
    const start = this.length
    this.length += LENGTH_BYTES
    this.text(part)
    this.memory.writeUInt16BE(this.length - start - LENGTH_BYTES, start)
    return this
  }

  /** With its length in 2 bytes before it. */
  sizedBytes(part: Uint8Array): this {
    this.reserve(LENGTH_BYTES + part.length)
    this.length = this.memory.writeUInt16BE(part.length, this.length)
    this.memory.set(part, this.length)
    this.length += part.length
    return this
  }

  /** The key, in memory of its own. */
  key(): Buffer {
    const key = Buffer.allocUnsafe(this.length)
    this.memory.copy(key, 0, 0, this.length)
    return key
  }

  private reserve(more: number): void {
    const needed = this.length + more
    if (needed > this.memory.length) {
      const larger = Buffer.allocUnsafeSlow(2 * needed)
      this.memory.copy(larger, 0, 0, this.length)
      this.memory = larger
    }
  }
}

import { MalformedError } from '../core/errors.js'

const NEWLINE = 0x0a
const NOTHING: Buffer = Buffer.alloc(0)

/** Cuts a stream of bytes into lines. Holds one unfinished line of at most `maxBytes`, and one chunk. */
export class LineReader {
  /** Of the chunks received, what no line was cut from yet. */
  private unread = NOTHING
  /** The beginning of a line whose end has not come: the first `begunBytes` of it. */
  private begun = NOTHING
  private begunBytes = 0

  constructor(private readonly maxBytes: number) {}

  /** What it holds, which is 0 between two lines. */
  get heldBytes(): number {
    return this.begun.length + this.unread.length
  }

  push(chunk: Buffer): void {
    this.unread = this.unread.length === 0 ? chunk : Buffer.concat([this.unread, chunk])
  }

  /**
   * The next line without its end, valid until the next call; null where it has not come whole.
   * Throws MalformedError as soon as it is longer than it may be.
   */
  next(): Buffer | null {
    const end = this.unread.indexOf(NEWLINE)
    const part = end < 0 ? this.unread : this.unread.subarray(0, end)
    if (this.begunBytes + part.length > this.maxBytes) {
      throw new MalformedError('message', `has more than ${this.maxBytes} bytes`)
    }
    if (end < 0) {
      this.keep(part)
      this.unread = NOTHING
      return null
    }
    this.unread = this.unread.subarray(end + 1)
    if (this.begunBytes === 0) {
      return part
    }
    this.keep(part)
    const line = this.begun.subarray(0, this.begunBytes)
    this.begun = NOTHING
    this.begunBytes = 0
    return line
  }

  /** Copies, so that a line that comes byte by byte does not hold a buffer for each. */
  private keep(part: Buffer): void {
    const needed = this.begunBytes + part.length
    if (needed > this.begun.length) {
      const larger = Buffer.allocUnsafe(Math.max(2 * needed, 1024))
      this.begun.copy(larger, 0, 0, this.begunBytes)
      this.begun = larger
    }
    part.copy(this.begun, this.begunBytes)
    this.begunBytes = needed
  }
}

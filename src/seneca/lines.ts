import { RefusedRequestError } from './errors.js'

const NEWLINE = 0x0a
/** How much of an overlong line is kept, to tell what it was. */
const BEGINNING_BYTES = 4096
const NOTHING: Buffer = Buffer.alloc(0)

/** A line is longer than allowed. */
export class LineTooLongError extends RefusedRequestError {
  constructor(
    maxBytes: number,
    readonly beginning: Buffer,
  ) {
    super(413, `the message has more than ${maxBytes} bytes`)
  }
}

/** Splits a stream of bytes into lines. Holds at most one unfinished line of `maxBytes`, and one chunk. */
export class LineReader {
  /** The part of the received chunks that has not been split yet. */
  private unread = NOTHING
  /** The beginning of an unfinished line: the first `begunBytes` of this buffer. */
  private begun = NOTHING
  private begunBytes = 0
  /** Whether the next bytes belong to an overlong line. */
  private isSkipping = false

  constructor(private readonly maxBytes: number) {}

  /** How many bytes it holds. */
  get heldBytes(): number {
    return this.begun.length + this.unread.length
  }

  /** Whether a line is unfinished. */
  get isMidLine(): boolean {
    return this.isSkipping || this.heldBytes > 0
  }

  push(chunk: Buffer): void {
    this.unread = this.unread.length === 0 ? chunk : Buffer.concat([this.unread, chunk])
  }

  /**
   * The next line without its line end, valid until the next call; null if it has not arrived whole. Throws
   * LineTooLongError as soon as a line is too long, and then skips the rest of it.
   */
  next(): Buffer | null {
    let end = this.unread.indexOf(NEWLINE)
    if (this.isSkipping) {
      this.isSkipping = end < 0
      this.unread = this.isSkipping ? NOTHING : this.unread.subarray(end + 1)
      end = this.unread.indexOf(NEWLINE)
    }
    const part = end < 0 ? this.unread : this.unread.subarray(0, end)
    if (this.begunBytes + part.length > this.maxBytes) {
      throw this.tooLong(part, end)
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
    return this.takeBegun()
  }

  private takeBegun(): Buffer {
    const line = this.begun.subarray(0, this.begunBytes)
    this.begun = NOTHING
    this.begunBytes = 0
    return line
  }

  /** Drops an overlong line. `part` is its last part so far, which ends at `end`; -1: the line has not ended. */
  private tooLong(part: Buffer, end: number): LineTooLongError {
    // An overlong line always has so many, however it was split.
    const bytes = Math.min(BEGINNING_BYTES, this.maxBytes)
    const begun = this.takeBegun().subarray(0, bytes)
    const beginning = Buffer.concat([begun, part.subarray(0, bytes - begun.length)])
    this.isSkipping = end < 0
    this.unread = end < 0 ? NOTHING : this.unread.subarray(end + 1)
    return new LineTooLongError(this.maxBytes, beginning)
  }

  /** Copies, so that a line that arrives byte by byte does not keep a buffer for each byte. */
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

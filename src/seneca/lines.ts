import { RefusedRequestError } from './errors.js'

const NEWLINE = 0x0a
/** How much of a line that is too long is kept, to tell what it was. */
const BEGINNING_BYTES = 4096
const NOTHING: Buffer = Buffer.alloc(0)

/** A line that is longer than it may be. */
export class LineTooLongError extends RefusedRequestError {
  constructor(
    maxBytes: number,
    readonly beginning: Buffer,
  ) {
    super(413, `the message has more than ${maxBytes} bytes`)
  }
}

/** Cuts a stream of bytes into lines. Holds one unfinished line of at most `maxBytes`, and one chunk. */
export class LineReader {
  /** Of the chunks received, what no line was cut from yet. */
  private unread = NOTHING
  /** The beginning of a line whose end has not come: the first `begunBytes` of it. */
  private begun = NOTHING
  private begunBytes = 0
  /** Whether what comes belongs to a line that was too long. */
  private isSkipping = false

  constructor(private readonly maxBytes: number) {}

  /** What it holds. */
  get heldBytes(): number {
    return this.begun.length + this.unread.length
  }

  /** Whether a line was begun whose end has not come. */
  get isMidLine(): boolean {
    return this.isSkipping || this.heldBytes > 0
  }

  push(chunk: Buffer): void {
    this.unread = this.unread.length === 0 ? chunk : Buffer.concat([this.unread, chunk])
  }

  /**
   * The next line without its end, valid until the next call; null where it has not come whole.
   * Throws LineTooLongError as soon as it is longer than it may be, and then passes over the rest of it.
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

  /** Lets go of a line of which `part` has come last, to its end, or to what has come of it where `end` is -1. */
  private tooLong(part: Buffer, end: number): LineTooLongError {
    // Of so many there are always enough, however the line came.
    const bytes = Math.min(BEGINNING_BYTES, this.maxBytes)
    const begun = this.takeBegun().subarray(0, bytes)
    const beginning = Buffer.concat([begun, part.subarray(0, bytes - begun.length)])
    this.isSkipping = end < 0
    this.unread = end < 0 ? NOTHING : this.unread.subarray(end + 1)
    return new LineTooLongError(this.maxBytes, beginning)
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

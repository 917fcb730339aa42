/**
 * The importer refuses longer elements. A MongoDB document has at most 16 MiB, and the oldest service kept all sessions
 * of a user in one; as canonical extended JSON it is longer.
 */
export const MAX_ELEMENT_BYTES = 32 * 1024 * 1024

export const LINE_FEED = 0x0a

/** One JSON value of a file, not yet parsed. */
export interface Element {
  /** From 1. */
  readonly number: number
  /** On which it begins; from 1. */
  readonly line: number
  /** null where it is longer than MAX_ELEMENT_BYTES. */
  readonly bytes: Buffer | null
}

/** Finds where elements begin and end. */
export interface Splitter {
  push(chunk: Buffer): Iterable<Element>
  /** Throws InputFileError if the file must not end here. */
  end(): Iterable<Element>
}

/** Collects the parts of one element from several chunks. */
export class Parts {
  private parts: Buffer[] = []
  private length = 0

  add(part: Buffer): void {
    this.length += part.length
    if (this.length > MAX_ELEMENT_BYTES) {
      this.parts = []
    } else {
      this.parts.push(part)
    }
  }

  /** What was added since the last call; null if it is too long. */
  take(): Buffer | null {
    const bytes = this.length > MAX_ELEMENT_BYTES ? null : Buffer.concat(this.parts)
    this.parts = []
    this.length = 0
    return bytes
  }
}

/** Whitespace as JSON has it (RFC 8259 section 2). */
export function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === LINE_FEED || byte === 0x0d || byte === 0x09
}

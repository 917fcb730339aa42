import { InputFileError } from '../core/errors.js'

/** Longer elements are no sessions: one may have 32 KiB of data, 1 MiB if the operator is generous. */
export const MAX_ELEMENT_BYTES = 2 * 1024 * 1024

const QUOTE = 0x22
const COMMA = 0x2c
const BACKSLASH = 0x5c
const ARRAY_BEGIN = 0x5b
const ARRAY_END = 0x5d
const OBJECT_BEGIN = 0x7b
const OBJECT_END = 0x7d
const LINE_FEED = 0x0a
const BOM = Buffer.of(0xef, 0xbb, 0xbf)

/** An element of a JSON array, not parsed yet. */
export interface Element {
  /** From 1. */
  readonly number: number
  /** On which it begins; from 1. */
  readonly line: number
  /** null where it is longer than MAX_ELEMENT_BYTES. */
  readonly bytes: Buffer | null
}

/**
 * Splits one JSON array into its elements, in memory that does not depend on its length. What stands
 * between two commas is for the caller to parse. Throws InputFileError, naming the line, where the
 * array itself is broken.
 */
export async function* splitArray(
  chunks: AsyncIterable<Uint8Array>,
  file: string,
): AsyncGenerator<Element, void, void> {
  const splitter = new Splitter(file)
  for await (const chunk of chunks) {
    yield* splitter.push(chunk)
  }
  splitter.end()
}

class Splitter {
  private state: 'before' | 'within' | 'after' = 'before'
  /** How much of a byte-order mark has come; all of it once there is none, or no more. */
  private bomBytes = 0
  private line = 1
  private number = 0
  /** Of brackets of either kind; whether they match is for the parser to say. */
  private depth = 0
  private inText = false
  private isEscaped = false
  /** Where the element under way began; null before its first byte. */
  private elementLine: number | null = null
  /** null once it is too long. */
  private parts: Buffer[] | null = []
  private partsBytes = 0

  constructor(private readonly file: string) {}

  *push(chunk: Uint8Array): Generator<Element> {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
    // In this chunk, of the element under way.
    let start = 0
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at] as number
      if (byte === LINE_FEED) {
        this.line++
      }
      if (this.state === 'before' && this.isOfBom(byte)) {
        continue
      }
      if (this.state === 'within') {
        if (this.elementLine === null) {
          if (isSpace(byte)) {
            continue
          }
          this.elementLine = this.line
          start = at
        }
        if (this.endsElement(byte)) {
          this.keep(bytes.subarray(start, at))
          yield* this.finish(byte)
        }
      } else if (this.state === 'before' && byte === ARRAY_BEGIN) {
        this.state = 'within'
      } else if (!isSpace(byte)) {
        throw this.broken(this.state === 'before' ? 'is no JSON array' : 'goes on after the array')
      }
    }
    if (this.elementLine !== null) {
      this.keep(bytes.subarray(start))
    }
  }

  end(): void {
    if (this.state !== 'after') {
      throw this.broken(this.state === 'before' ? 'holds no JSON array' : 'ends within the array')
    }
  }

  /** Chunks may part it, so it is looked at byte by byte. */
  private isOfBom(byte: number): boolean {
    if (byte === BOM[this.bomBytes]) {
      this.bomBytes++
      return true
    }
    if (this.bomBytes > 0 && this.bomBytes < BOM.length) {
      throw this.broken('is no JSON array')
    }
    this.bomBytes = BOM.length
    return false
  }

  /** Whether this byte, a comma or the array's own bracket, stands behind an element. */
  private endsElement(byte: number): boolean {
    if (this.inText) {
      if (this.isEscaped) {
        this.isEscaped = false
      } else if (byte === BACKSLASH) {
        this.isEscaped = true
      } else if (byte === QUOTE) {
        this.inText = false
      }
      return false
    }
    switch (byte) {
      case QUOTE:
        this.inText = true
        return false
      case ARRAY_BEGIN:
      case OBJECT_BEGIN:
        this.depth++
        return false
      case COMMA:
        return this.depth === 0
      case ARRAY_END:
      case OBJECT_END:
        if (this.depth === 0) {
          return byte === ARRAY_END
        }
        this.depth--
        return false
      default:
        return false
    }
  }

  private keep(part: Buffer): void {
    this.partsBytes += part.length
    if (this.partsBytes > MAX_ELEMENT_BYTES) {
      this.parts = null
    }
    this.parts?.push(part)
  }

  private *finish(byte: number): Generator<Element> {
    const { parts, partsBytes, elementLine } = this
    this.elementLine = null
    this.parts = []
    this.partsBytes = 0
    if (byte === ARRAY_END) {
      this.state = 'after'
    }
    if (partsBytes > 0) {
      this.number++
      const line = elementLine ?? this.line
      yield { number: this.number, line, bytes: parts && Buffer.concat(parts) }
    } else if (byte === COMMA || this.number > 0) {
      throw this.broken('lacks an element beside a comma')
    }
  }

  private broken(problem: string): InputFileError {
    return new InputFileError(this.file, `line ${this.line} ${problem}`)
  }
}

/** Whitespace as JSON has it (RFC 8259 section 2). */
function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === LINE_FEED || byte === 0x0d || byte === 0x09
}

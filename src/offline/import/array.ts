import { InputFileError } from '../../core/errors.js'
import { type Element, isSpace, LINE_FEED, Parts, type Splitter } from './element.js'

const QUOTE = 0x22
const COMMA = 0x2c
const BACKSLASH = 0x5c
const ARRAY_BEGIN = 0x5b
const ARRAY_END = 0x5d
const OBJECT_BEGIN = 0x7b
const OBJECT_END = 0x7d

/** The elements of one JSON array. Throws InputFileError, naming the line, where the array is broken. */
export class ArraySplitter implements Splitter {
  private state: 'before' | 'within' | 'after' = 'before'
  private line: number
  private number = 0
  /** Open brackets of either kind. The parser checks that they match. */
  private depth = 0
  private inText = false
  private isEscaped = false
  /** Where the current element began; null before its first byte. */
  private elementLine: number | null = null
  private readonly parts = new Parts()

  /** `firstLine`: on which the first chunk begins, with the array's bracket. */
  constructor(
    private readonly file: string,
    firstLine: number,
  ) {
    this.line = firstLine
  }

  *push(chunk: Buffer): Generator<Element> {
    // Where the current element begins in this chunk.
    let start = 0
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at] as number
      if (byte === LINE_FEED) {
        this.line++
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
          this.parts.add(chunk.subarray(start, at))
          yield* this.finish(byte)
        }
      } else if (this.state === 'before') {
        this.state = 'within'
      } else if (!isSpace(byte)) {
        throw this.broken('goes on after the array')
      }
    }
    if (this.elementLine !== null) {
      this.parts.add(chunk.subarray(start))
    }
  }

  end(): Iterable<Element> {
    if (this.state !== 'after') {
      throw this.broken('ends within the array')
    }
    return []
  }

  /** Whether this byte, a comma or the array's closing bracket, follows an element. */
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

  private *finish(byte: number): Generator<Element> {
    const line = this.elementLine ?? this.line
    const bytes = this.parts.take()
    this.elementLine = null
    if (byte === ARRAY_END) {
      this.state = 'after'
    }
    if (bytes?.length !== 0) {
      this.number++
      yield { number: this.number, line, bytes }
    } else if (byte === COMMA || this.number > 0) {
      throw this.broken('lacks an element beside a comma')
    }
  }

  private broken(problem: string): InputFileError {
    return new InputFileError(this.file, `line ${this.line} ${problem}`)
  }
}

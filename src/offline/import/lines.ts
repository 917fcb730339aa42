import { type Element, isSpace, LINE_FEED, Parts, type Splitter } from './element.js'

const OBJECT_END = 0x7d

/**
 * Splits documents as `mongoexport` writes them: one per line or, with `--pretty`, over several lines of which all but
 * the first are indented or close it. A document that is cut off thus does not swallow the next one.
 */
export class LineSplitter implements Splitter {
  private line: number
  private number = 0
  /** Where the current document began; null before the first. */
  private documentLine: number | null = null
  private atLineStart = true
  private readonly parts = new Parts()

  /** `firstLine`: on which the first chunk begins. */
  constructor(firstLine: number) {
    this.line = firstLine
  }

  *push(chunk: Buffer): Generator<Element> {
    // Where the current document begins in this chunk.
    let start = 0
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at] as number
      if (this.atLineStart && !isSpace(byte) && byte !== OBJECT_END) {
        this.parts.add(chunk.subarray(start, at))
        yield* this.end()
        this.documentLine = this.line
        start = at
      }
      this.atLineStart = byte === LINE_FEED
      this.line += this.atLineStart ? 1 : 0
    }
    this.parts.add(chunk.subarray(start))
  }

  *end(): Generator<Element> {
    const bytes = this.parts.take()
    if (this.documentLine !== null) {
      this.number++
      yield { number: this.number, line: this.documentLine, bytes }
    }
  }
}

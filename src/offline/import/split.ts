import { InputFileError } from '../../core/errors.js'
import { ArraySplitter } from './array.js'
import { type Element, isSpace, LINE_FEED, type Splitter } from './element.js'
import { LineSplitter } from './lines.js'

const ARRAY_BEGIN = 0x5b
const OBJECT_BEGIN = 0x7b
const BOM = Buffer.of(0xef, 0xbb, 0xbf)

/**
 * Splits a file into elements: those of one JSON array, or documents, one per line. Uses memory for one element,
 * however many there are. The caller parses them. Throws InputFileError with the line if the file is neither, or if an
 * array is malformed.
 */
export async function* splitFile(
  chunks: AsyncIterable<Uint8Array>,
  file: string,
): AsyncGenerator<Element, void, void> {
  let splitter: Splitter | undefined
  let line = 1
  for await (let chunk of withoutBom(chunks)) {
    if (splitter === undefined) {
      const start = chunk.findIndex((byte) => !isSpace(byte))
      line += linesIn(start < 0 ? chunk : chunk.subarray(0, start))
      if (start < 0) {
        continue
      }
      chunk = chunk.subarray(start)
      splitter = splitterFor(chunk[0], file, line)
    }
    yield* splitter.push(chunk)
  }
  if (splitter === undefined) {
    throw new InputFileError(file, 'holds nothing')
  }
  yield* splitter.end()
}

function splitterFor(firstByte: number | undefined, file: string, line: number): Splitter {
  switch (firstByte) {
    case ARRAY_BEGIN:
      return new ArraySplitter(file, line)
    case OBJECT_BEGIN:
      return new LineSplitter(line)
    default:
      throw new InputFileError(
        file,
        `line ${line} begins neither a JSON array nor JSON documents, one a line ` +
          '(bsondump makes them of what mongodump wrote)',
      )
  }
}

/** Removes a byte-order mark, which may span chunks. */
async function* withoutBom(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let head: Buffer | null = Buffer.alloc(0)
  for await (const { buffer, byteOffset, length } of chunks) {
    const chunk = Buffer.from(buffer, byteOffset, length)
    if (head === null) {
      yield chunk
      continue
    }
    head = Buffer.concat([head, chunk])
    if (head.length >= BOM.length) {
      yield head.subarray(head.indexOf(BOM) === 0 ? BOM.length : 0)
      head = null
    }
  }
  if (head !== null) {
    yield head
  }
}

function linesIn(bytes: Buffer): number {
  let lines = 0
  for (const byte of bytes) {
    lines += byte === LINE_FEED ? 1 : 0
  }
  return lines
}

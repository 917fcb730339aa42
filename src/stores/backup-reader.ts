import { sizeDelimitedPeek } from '@bufbuild/protobuf/wire'
import { InputFileError } from '../core/errors.js'
import {
  type BackupCounts,
  type BackupItem,
  BackupSum,
  decodeItem,
  EARLIER_MAGIC,
  ITEM_KINDS,
  MAGIC,
} from './backup-format.js'

/** Far above the largest record that a server takes. */
const MAX_ITEM_BYTES = 16 * 1024 * 1024
/** Of the varint with an item's length. */
const MAX_LENGTH_BYTES = 4

/**
 * Reads a backup and verifies its structure, counts and digest; returns the counts. Trust the items only after it
 * has returned. `name` is the file's, for messages. Throws InputFileError.
 */
export async function* readBackup(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<BackupItem, BackupCounts> {
  const input = new Input(chunks)
  try {
    return yield* readItems(input, name)
  } finally {
    await input.close()
  }
}

async function* readItems(input: Input, name: string): AsyncGenerator<BackupItem, BackupCounts> {
  const magic = await input.take(MAGIC.length)
  const sum = new BackupSum(magic)
  if (!magic.equals(MAGIC) && !magic.equals(EARLIER_MAGIC)) {
    throw new InputFileError(name, 'is no backup that this release can read')
  }
  let place = 0
  let partsLeft = 0
  for (let number = 1; ; number++) {
    const { sized, item } = await takeItem(input, `${name}, item ${number}`)
    if (item === null) {
      if (sum.counts.header === 0 || !sum.end().equals(sized) || (await input.take(1)).length > 0) {
        throw new InputFileError(name, 'was altered: its end does not agree with what comes before')
      }
      return sum.counts
    }
    const next = ITEM_KINDS.indexOf(item.kind)
    if (item.kind === 'header') {
      partsLeft = item.parts ?? 1
    }
    partsLeft -= next < place ? 1 : 0
    if (partsLeft < 1 || (number === 1) !== (item.kind === 'header')) {
      throw new InputFileError(name, `item ${number} stands where none of its kind may be`)
    }
    place = next
    sum.add(item.kind, sized)
    yield item
  }
}

/** An item, and its bytes with their length. */
async function takeItem(input: Input, place: string) {
  const head = await input.peek(MAX_LENGTH_BYTES)
  if (head.length === 0) {
    throw new InputFileError(place, 'is missing: the file is not whole')
  }
  const { eof, size, offset } = sizeDelimitedPeek(head)
  if (eof ? head.length === MAX_LENGTH_BYTES : size > MAX_ITEM_BYTES) {
    throw new InputFileError(place, `is larger than ${MAX_ITEM_BYTES} bytes`)
  }
  const sized = await input.take(eof ? head.length : offset + size)
  if (eof || sized.length < offset + size) {
    throw new InputFileError(place, 'is cut short: the file is not whole')
  }
  try {
    return { sized, item: decodeItem(sized.subarray(offset)) }
  } catch (error) {
    throw new InputFileError(place, 'cannot be read', error)
  }
}

/** Bytes that come in chunks. */
class Input {
  private readonly chunks: AsyncIterator<Uint8Array>
  private rest: Buffer = Buffer.alloc(0)

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.chunks = chunks[Symbol.asyncIterator]()
  }

  /** Closes the source. */
  async close(): Promise<void> {
    await this.chunks.return?.()
  }

  /** The next bytes, which stay; fewer only at the end. */
  async peek(count: number): Promise<Buffer> {
    const parts = [this.rest]
    for (let length = this.rest.length; length < count; length += parts.at(-1)?.length ?? 0) {
      const { value, done } = await this.chunks.next()
      if (done) {
        break
      }
      parts.push(Buffer.from(value.buffer, value.byteOffset, value.length))
    }
    this.rest = parts.length === 1 ? this.rest : Buffer.concat(parts)
    return this.rest.subarray(0, count)
  }

  /** The next bytes; fewer only at the end. */
  async take(count: number): Promise<Buffer> {
    const taken = await this.peek(count)
    this.rest = this.rest.subarray(taken.length)
    return taken
  }
}

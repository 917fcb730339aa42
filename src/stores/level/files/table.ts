import { ByteReader, FormatError } from './bytes.js'
import { crc32c, crc32cAnd, masked } from './crc32c.js'
import type { WrittenRow } from './log.js'
import { unsnap } from './snappy.js'

/*
 * LevelDB's table format (doc/table_format.md there): data blocks, a filter, a block that says where the filter is,
 * one that says where the data blocks are, and a footer of 48 bytes that says where these two are. Behind each
 * block stand one byte for its packing and a masked CRC-32C over block and byte.
 */

const FOOTER_BYTES = 48
const TRAILER_BYTES = 5
const MAGIC = 0xdb4775248b80fb57n
const SNAPPY = 1
const SEQUENCE_BYTES = 8

interface Place {
  readonly offset: number
  readonly size: number
}

/** A block of rows. */
export interface Block extends Place {
  /** Whether its checksum is right. */
  readonly isWhole: boolean
}

/** The damage of a table, a line each; none where every byte that matters is as it was written. */
export function verifyTable(bytes: Buffer): string[] {
  const problems: string[] = []
  const check = (name: string, place: Place) => {
    if (!isWhole(bytes, place)) {
      problems.push(`${name} at byte ${place.offset} fails its checksum`)
    }
  }
  try {
    const { index, metaindex } = readFooter(bytes)
    check('its index', index)
    check('its index of filters', metaindex)
    if (problems.length > 0) {
      return problems
    }
    let end = 0
    for (const [, value] of entries(unpacked(bytes, index))) {
      const block = placeIn(new ByteReader(value))
      check('a block of rows', block)
      if (block.offset !== end) {
        problems.push(`a block of rows is missing before byte ${block.offset}`)
      }
      end = block.offset + block.size + TRAILER_BYTES
    }
    for (const [, value] of entries(unpacked(bytes, metaindex))) {
      check('its filter', placeIn(new ByteReader(value)))
    }
  } catch (error) {
    if (!(error instanceof FormatError)) {
      throw error
    }
    problems.push(error.message)
  }
  return problems
}

/**
 * The blocks of rows in a table, damaged ones among them. Where the index or the footer is damaged, the blocks are found by
 * their checksums, which hold at their ends alone.
 */
export function findBlocks(bytes: Buffer): Block[] {
  try {
    const { index } = readFooter(bytes)
    if (isWhole(bytes, index)) {
      return [...entries(unpacked(bytes, index))].map(([, value]) => {
        const place = placeIn(new ByteReader(value))
        return { ...place, isWhole: isWhole(bytes, place) }
      })
    }
  } catch (error) {
    if (!(error instanceof FormatError)) {
      throw error
    }
  }
  const blocks: Block[] = []
  for (let offset = 0; ; ) {
    const size = findSize(bytes, offset)
    if (size === null) {
      return withoutIndexes(bytes, blocks)
    }
    blocks.push({ offset, size, isWhole: true })
    offset += size + TRAILER_BYTES
  }
}

/** Behind the rows come the filter, then the index of filters with an entry of that name, then the index. */
function withoutIndexes(bytes: Buffer, blocks: readonly Block[]): Block[] {
  const metaindex = blocks.findIndex((block) => {
    const [first] = attempt(() => [...entries(unpacked(bytes, block))]) ?? []
    return first?.[0].toString('latin1').startsWith('filter.')
  })
  return blocks.slice(0, metaindex === -1 ? blocks.length : Math.max(metaindex - 1, 0))
}

/** The rows in a block, as far as it can be read; of a damaged one some may be altered. */
export function* rowsOf(bytes: Buffer, block: Block): Generator<WrittenRow, void> {
  const content = attempt(() => unpacked(bytes, block))
  if (content === undefined) {
    return
  }
  const rows = entries(content)
  for (;;) {
    const next = attempt(() => rows.next())
    if (next === undefined || next.done) {
      return
    }
    const [internal, value] = next.value
    const at = internal.length - SEQUENCE_BYTES
    if (at >= 0) {
      const tag = internal.readBigUInt64LE(at)
      const isDeleted = (tag & 0xffn) === 0n
      yield { key: internal.subarray(0, at), sequence: tag >> 8n, isDeleted, value }
    }
  }
}

function readFooter(bytes: Buffer): { readonly metaindex: Place; readonly index: Place } {
  const start = bytes.length - FOOTER_BYTES
  if (start < 0 || bytes.readBigUInt64LE(bytes.length - 8) !== MAGIC) {
    throw new FormatError('its end is not that of a table')
  }
  const reader = new ByteReader(bytes.subarray(start))
  return { metaindex: placeIn(reader), index: placeIn(reader) }
}

function placeIn(reader: ByteReader): Place {
  return { offset: reader.varint(), size: reader.varint() }
}

function isWhole(bytes: Buffer, { offset, size }: Place): boolean {
  const end = offset + size
  return (
    end + TRAILER_BYTES <= bytes.length &&
    masked(crc32c(bytes.subarray(offset, end + 1))) === bytes.readUInt32LE(end + 1)
  )
}

/** The size of the block that begins here, by its checksum; null where there is none. */
function findSize(bytes: Buffer, offset: number): number | null {
  let crc = 0
  for (let end = offset; end + TRAILER_BYTES <= bytes.length; end++) {
    crc = crc32cAnd(crc, bytes[end] as number)
    if (masked(crc) === bytes.readUInt32LE(end + 1)) {
      return end - offset
    }
  }
  return null
}

function unpacked(bytes: Buffer, { offset, size }: Place): Buffer {
  const block = bytes.subarray(offset, offset + size)
  return bytes[offset + size] === SNAPPY ? unsnap(block) : block
}

/** Keys and values of a block; each key has the bytes that it does not share with the one before it. */
function* entries(block: Buffer): Generator<[key: Buffer, value: Buffer], void> {
  if (block.length < 4) {
    throw new FormatError('a block is too small')
  }
  const restarts = block.readUInt32LE(block.length - 4)
  const end = block.length - 4 - 4 * restarts
  if (end < 0) {
    throw new FormatError('a block is too small')
  }
  const reader = new ByteReader(block.subarray(0, end))
  let key = Buffer.alloc(0)
  while (reader.left > 0) {
    const shared = reader.varint()
    const own = reader.varint()
    const length = reader.varint()
    if (shared > key.length) {
      throw new FormatError('a key shares more than there is')
    }
    key = Buffer.concat([key.subarray(0, shared), reader.take(own)])
    yield [key, reader.take(length)]
  }
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof FormatError) {
      return undefined
    }
    throw error
  }
}

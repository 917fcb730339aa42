import { ByteReader, FormatError } from './bytes.js'
import { crc32c, GrowingCrc32c, masked } from './crc32c.js'
import type { WrittenRow } from './log.js'
import { unsnap } from './snappy.js'

/*
 * LevelDB's table format (its doc/table_format.md): data blocks, a filter, an index of filters, an index of data blocks,
 * and a footer of 48 bytes that locates the two indexes. Each block is followed by one byte for its compression and a
 * masked CRC-32C over block and byte.
 */

const FOOTER_BYTES = 48
const TRAILER_BYTES = 5
const MAGIC = 0xdb4775248b80fb57n
const SNAPPY = 1
const SEQUENCE_BYTES = 8
/** More than a block has: it ends with the row that takes it past 4 KiB, and a row has at most some 100 KiB. */
const MAX_BLOCK_BYTES = 256 * 1024

interface Place {
  readonly offset: number
  readonly size: number
}

/** A block of rows. */
export interface Block extends Place {
  /** Whether its checksum is right. */
  readonly isWhole: boolean
}

/** The damage in a table, one line each; empty if every significant byte is intact. */
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
 * The data blocks in a table, including damaged ones. If the index or the footer is damaged, it finds the blocks by their
 * checksums, which fit only at their ends; a gap between two of them becomes a damaged block.
 */
export function findBlocks(bytes: Buffer): Block[] {
  try {
    const { index } = readFooter(bytes)
    if (isWhole(bytes, index)) {
      return blocksAt(bytes, placesIn(bytes, index))
    }
  } catch (error) {
    if (!(error instanceof FormatError)) {
      throw error
    }
  }
  const blocks: Block[] = []
  for (let end = 0; ; ) {
    const next = nextBlock(bytes, end)
    if (next === null) {
      return withoutIndexes(bytes, blocks)
    }
    if (next.offset > end) {
      blocks.push({ offset: end, size: next.offset - end - TRAILER_BYTES, isWhole: false })
    }
    blocks.push({ ...next, isWhole: true })
    end = next.offset + next.size + TRAILER_BYTES
  }
}

/** The places of the blocks that an index lists. */
function placesIn(bytes: Buffer, index: Place): Place[] {
  return [...entries(unpacked(bytes, index))].map(([, value]) => placeIn(new ByteReader(value)))
}

function blocksAt(bytes: Buffer, places: readonly Place[]): Block[] {
  return places.map((place) => ({ ...place, isWhole: isWhole(bytes, place) }))
}

/** After the data blocks come the filter, then the index of filters, which names it, then the index of data blocks. */
function withoutIndexes(bytes: Buffer, blocks: readonly Block[]): Block[] {
  const sizes = new Map(blocks.map(({ offset, size, isWhole }) => [offset, isWhole && size]))
  for (const block of blocks.toReversed()) {
    const places = attempt(() => placesIn(bytes, block)) ?? []
    const isIndex = places.some(({ offset, size }) => sizes.get(offset) === size)
    if (isIndex && places[0]?.offset === 0) {
      return blocksAt(bytes, places)
    }
  }
  for (const block of blocks) {
    const [first] = attempt(() => [...entries(unpacked(bytes, block))]) ?? []
    if (first?.[0].toString('latin1').startsWith('filter.')) {
      const filter = attempt(() => placeIn(new ByteReader(first[1]))) ?? block
      return blocks.filter(({ offset }) => offset < filter.offset)
    }
  }
  return [...blocks]
}

/** The rows in a block, as far as they can be read. Rows of a damaged block may be altered. */
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

/** The block that begins here or, after damage, the next one; null if there is none. */
function nextBlock(bytes: Buffer, from: number): Place | null {
  const size = findSize(bytes, from, bytes.length)
  if (size !== null) {
    return { offset: from, size }
  }
  for (let offset = from + TRAILER_BYTES + 1; offset < bytes.length; offset++) {
    const size = mayBegin(bytes, offset) ? findSize(bytes, offset, MAX_BLOCK_BYTES) : null
    if (size !== null && attempt(() => [...entries(unpacked(bytes, { offset, size }))])) {
      return { offset, size }
    }
  }
  return null
}

/** Whether a data block may begin here: its first key shares no bytes, and is longer than its sequence number. */
function mayBegin(bytes: Buffer, offset: number): boolean {
  const isFirstKey = (at: number) => bytes[at] === 0 && (bytes[at + 1] ?? 0) > SEQUENCE_BYTES
  if (isFirstKey(offset)) {
    return true
  }
  // Compressed: the total length, then the length of the first literal.
  const reader = new ByteReader(bytes.subarray(offset, offset + 16))
  const tag = attempt(() => (reader.varint() <= MAX_BLOCK_BYTES ? reader.byte() : 1)) ?? 1
  return (tag & 3) === 0 && isFirstKey(offset + reader.offset + Math.max((tag >> 2) - 59, 0))
}

/** The size of the block that begins here, found by its checksum; null if none does. */
function findSize(bytes: Buffer, offset: number, maxBytes: number): number | null {
  const crc = new GrowingCrc32c()
  const last = Math.min(offset + maxBytes, bytes.length - TRAILER_BYTES)
  for (let end = offset; end <= last; end++) {
    const packing = bytes[end] as number
    crc.add(packing)
    if (packing <= SNAPPY && crc.masked === bytes.readUInt32LE(end + 1)) {
      return end - offset
    }
  }
  return null
}

function unpacked(bytes: Buffer, { offset, size }: Place): Buffer {
  const block = bytes.subarray(offset, offset + size)
  return bytes[offset + size] === SNAPPY ? unsnap(block) : block
}

/** Keys and values of a block. Each key is stored without the prefix that it shares with the previous one. */
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

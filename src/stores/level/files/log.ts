import { ByteReader } from './bytes.js'
import { crc32c, GrowingCrc32c, masked } from './crc32c.js'

/*
 * LevelDB's log format (its doc/log_format.md), used for logs and manifests: blocks of 32 KiB that contain records of
 * a header and data. Header, little-endian: masked CRC-32C over type and data (4 bytes), length of the data (2), type
 * (1). A record that does not fit into the rest of a block continues in the next one.
 */

export const BLOCK_BYTES = 32_768
const HEADER_BYTES = 7
const SECTOR_BYTES = 512
/** The checksum of the row at the end of a write: a tag and four bytes. */
const CHECKSUM_BYTES = 5
const FULL = 1
const FIRST = 2
const LAST = 4

export type LogEntry =
  /** One complete write, and where the next one begins. */
  | { readonly data: Buffer; readonly end: number }
  /** Damage: where it begins, what it is, and whether a write is lost there. */
  | { readonly offset: number; readonly problem: string; readonly isLost: boolean }

/**
 * The writes in a log and its damage, in order. An incomplete last write is no damage: the process or the machine died,
 * and the write was never acknowledged. After damage it resumes at the next complete record; LevelDB itself skips the
 * rest of the block. `bytes` begin with a block; reading begins at `from`, where a write must begin.
 */
export function* readLog(bytes: Buffer, from = 0): Generator<LogEntry, void> {
  let parts: Buffer[] | null = null
  /** Whether the gap before the next part was reported. */
  let isTold = false
  let offset = from
  while (offset < bytes.length) {
    const piece = readPiece(bytes, offset)
    if (piece === 'torn') {
      return
    }
    offset = piece.next
    if (piece.problem !== null) {
      yield { offset: piece.offset, problem: piece.problem, isLost: piece.data === null }
      parts = null
      isTold = true
    }
    if (piece.data === null) {
      continue
    }
    const { type, data } = piece
    const isStart = type === FULL || type === FIRST
    if (isStart === (parts !== null) && !isTold) {
      const problem = isStart ? 'a write has no end' : 'a write has no beginning'
      yield { offset: piece.offset, problem, isLost: true }
      isTold = true
    }
    if (isStart) {
      parts = []
      isTold = false
    }
    parts?.push(data)
    if (type === FULL || type === LAST) {
      if (parts !== null) {
        yield { data: parts.length === 1 ? data : Buffer.concat(parts), end: offset }
      }
      parts = null
      isTold = false
    }
  }
}

interface Piece {
  readonly offset: number
  readonly next: number
  readonly problem: string | null
  readonly type: number
  /** null if there is none that can be trusted. */
  readonly data: Buffer | null
}

function readPiece(bytes: Buffer, offset: number): Piece | 'torn' {
  const blockEnd = offset - (offset % BLOCK_BYTES) + BLOCK_BYTES
  const nothing = { offset, next: blockEnd, problem: null, type: 0, data: null }
  if (blockEnd - offset < HEADER_BYTES) {
    return nothing // Too small for a header: padding.
  }
  if (bytes.length - offset < HEADER_BYTES || isZero(bytes, offset)) {
    return 'torn'
  }
  const length = bytes.readUInt16LE(offset + 4)
  const type = bytes[offset + 6] as number
  const limit = Math.min(blockEnd, bytes.length)
  const start = offset + HEADER_BYTES
  const end = start + length
  const whole = (to: number, problem: string | null): Piece => ({
    ...{ offset, next: to, problem, type },
    data: bytes.subarray(start, to),
  })
  if (end <= limit && isWhole(bytes, offset, end)) {
    const isKnown = type >= FULL && type <= LAST
    return isKnown
      ? whole(end, null)
      : { ...nothing, next: end, problem: `a record is of type ${type}` }
  }
  const realEnd = findEnd(bytes, offset, limit)
  if (realEnd !== null) {
    return whole(realEnd, 'the length of a record is damaged')
  }
  if (end > bytes.length && end <= blockEnd) {
    return 'torn'
  }
  if (end <= limit && isZeroFrom(bytes, offset, end)) {
    return 'torn' // The machine died after the file got its length and before it got its content.
  }
  return {
    ...nothing,
    next: end <= limit && isHeaderOrEnd(bytes, end, blockEnd) ? end : blockEnd,
    problem: 'a record fails its checksum',
  }
}

function isWhole(bytes: Buffer, offset: number, end: number): boolean {
  return masked(crc32c(bytes.subarray(offset + 6, end))) === bytes.readUInt32LE(offset)
}

/** The end of the data at which the checksum fits, since the checksum does not cover the length; null if there is none. */
function findEnd(bytes: Buffer, offset: number, limit: number): number | null {
  const wanted = bytes.readUInt32LE(offset)
  const crc = new GrowingCrc32c()
  crc.add(bytes[offset + 6] as number)
  for (let end = offset + HEADER_BYTES; end <= limit; end++) {
    if (crc.masked === wanted) {
      return end
    }
    crc.add(bytes[end] as number)
  }
  return null
}

function isHeaderOrEnd(bytes: Buffer, offset: number, blockEnd: number): boolean {
  if (blockEnd - offset < HEADER_BYTES || offset === bytes.length) {
    return true
  }
  const end =
    offset + HEADER_BYTES + (bytes.length - offset < 6 ? 0 : bytes.readUInt16LE(offset + 4))
  return end <= Math.min(blockEnd, bytes.length) && isWhole(bytes, offset, end)
}

/**
 * Whether everything is zero from some sector of the record to the end of the file: those sectors did not reach the
 * disk. A complete write ends with a checksum that is not all zero.
 */
function isZeroFrom(bytes: Buffer, offset: number, end: number): boolean {
  const sector = Math.floor((end - CHECKSUM_BYTES) / SECTOR_BYTES) * SECTOR_BYTES
  return sector > offset && isZero(bytes, sector)
}

function isZero(bytes: Buffer, from: number): boolean {
  for (let i = from; i < bytes.length; i++) {
    if (bytes[i] !== 0) {
      return false
    }
  }
  return true
}

/** One write or deletion of a row. */
export interface WrittenRow {
  readonly key: Buffer
  /** Grows with time. */
  readonly sequence: bigint
  readonly isDeleted: boolean
  /** Empty for a deletion. */
  readonly value: Buffer
}

const NOTHING = Buffer.alloc(0)

/** The rows of one write in a log (`WriteBatch`). Throws FormatError. */
export function* readBatch(data: Buffer): Generator<WrittenRow, void> {
  const reader = new ByteReader(data)
  const first = reader.take(8).readBigUInt64LE()
  const count = reader.take(4).readUInt32LE()
  for (let i = 0; i < count; i++) {
    const isDeleted = reader.byte() === 0
    const key = reader.sized()
    const value = isDeleted ? NOTHING : reader.sized()
    yield { key, sequence: first + BigInt(i), isDeleted, value }
  }
}

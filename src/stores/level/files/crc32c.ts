/** CRC-32C (Castagnoli, RFC 3720 appendix B.4) by eight tables, a word at a time. */
const TABLES = makeTables()

export function crc32c(bytes: Uint8Array, seed = 0): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = TABLES
  let crc = ~seed
  let i = 0
  for (; i + 8 <= bytes.length; i += 8) {
    crc ^= word(bytes, i)
    const next = word(bytes, i + 4)
    crc =
      at(t7, crc) ^
      at(t6, crc >>> 8) ^
      at(t5, crc >>> 16) ^
      at(t4, crc >>> 24) ^
      at(t3, next) ^
      at(t2, next >>> 8) ^
      at(t1, next >>> 16) ^
      at(t0, next >>> 24)
  }
  for (; i < bytes.length; i++) {
    crc = at(t0, crc ^ (bytes[i] as number)) ^ (crc >>> 8)
  }
  return ~crc >>> 0
}

/** The checksum of data that grows byte by byte. */
export class GrowingCrc32c {
  /** Signed, which the engine computes fastest: it keeps larger numbers as objects. */
  private inverted = -1

  add(byte: number): void {
    this.inverted = at(TABLES[0], this.inverted ^ byte) ^ (this.inverted >>> 8)
  }

  get masked(): number {
    return masked(~this.inverted >>> 0)
  }
}

/** LevelDB masks stored checksums: a CRC over bytes that contain CRCs detects less. */
export function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

function word(bytes: Uint8Array, i: number): number {
  return (
    (bytes[i] as number) |
    ((bytes[i + 1] as number) << 8) |
    ((bytes[i + 2] as number) << 16) |
    ((bytes[i + 3] as number) << 24)
  )
}

function at(table: Int32Array, byte: number): number {
  return table[byte & 0xff] as number
}

type Tables = [
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
]

function makeTables(): Tables {
  const tables = Array.from({ length: 8 }, () => new Int32Array(256)) as Tables
  for (let n = 0; n < 256; n++) {
    let crc = n
    for (let bit = 0; bit < 8; bit++) {
      crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
    }
    tables[0][n] = crc
  }
  for (let n = 0; n < 256; n++) {
    for (let k = 1; k < 8; k++) {
      const before = tables[k - 1]?.[n] ?? 0
      ;(tables[k] as Int32Array)[n] = at(tables[0], before) ^ (before >>> 8)
    }
  }
  return tables
}

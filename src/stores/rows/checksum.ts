import { crc32 } from 'node:zlib'

/*
 * Every stored value ends with a checksum over key and value: the byte 0x7d and zlib's CRC-32, little-endian. A protobuf
 * reader takes it for field 15 of type fixed32, so an earlier release still reads the layout version and refuses the
 * store for the right reason.
 */

const TAG = 0x7d
export const CHECKSUM_BYTES = 5
/** Below this length the loop here is faster than the call to zlib. */
const SHORT_BYTES = 64

const TABLE = Int32Array.from({ length: 256 }, (_, n) => {
  let crc = n
  for (let bit = 0; bit < 8; bit++) {
    crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  }
  return crc
})

/** The value as it is stored under this key. */
export function withChecksum(key: Uint8Array, value: Uint8Array): Buffer {
  const stored = Buffer.allocUnsafe(value.length + CHECKSUM_BYTES)
  stored.set(value)
  stored[value.length] = TAG
  stored.writeUInt32LE(checksum(key, value), value.length + 1)
  return stored
}

const keyOnly = Buffer.allocUnsafe(1 + CHECKSUM_BYTES)

/**
 * The same for a writer that copies the result at once: the next call may overwrite it. Most values have one byte, and
 * this saves their allocation.
 */
export function withChecksumForNow(key: Uint8Array, value: Uint8Array): Buffer {
  if (value.length !== 1) {
    return withChecksum(key, value)
  }
  keyOnly[0] = value[0] as number
  keyOnly[1] = TAG
  keyOnly.writeUInt32LE(checksum(key, value), 2)
  return keyOnly
}

/** The value without its checksum; undefined if the checksum does not match key and value. */
export function withoutChecksum(key: Uint8Array, stored: Uint8Array): Uint8Array | undefined {
  const length = stored.length - CHECKSUM_BYTES
  if (length < 0 || stored[length] !== TAG) {
    return undefined
  }
  const value = stored.subarray(0, length)
  const crc = checksum(key, value)
  const isSame =
    stored[length + 1] === (crc & 0xff) &&
    stored[length + 2] === ((crc >>> 8) & 0xff) &&
    stored[length + 3] === ((crc >>> 16) & 0xff) &&
    stored[length + 4] === crc >>> 24
  return isSame ? value : undefined
}

function checksum(key: Uint8Array, value: Uint8Array): number {
  return update(update(0, key), value)
}

function update(seed: number, bytes: Uint8Array): number {
  if (bytes.length >= SHORT_BYTES) {
    return crc32(bytes, seed)
  }
  let crc = ~seed
  for (let i = 0; i < bytes.length; i++) {
    crc = (TABLE[(crc ^ (bytes[i] as number)) & 0xff] as number) ^ (crc >>> 8)
  }
  return ~crc >>> 0
}

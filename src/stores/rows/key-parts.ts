import { TIME_BYTES } from './key-writer.js'

const LENGTH_BYTES = 2

/** Prefixes a part with its length in 2 bytes. */
export function sized(part: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(LENGTH_BYTES + part.length)
  bytes.writeUInt16BE(part.length)
  bytes.set(part, LENGTH_BYTES)
  return bytes
}

/** Reverses `sized`: the part and the rest. */
export function readSized(bytes: Buffer): [part: Buffer, rest: Buffer] {
  const end = LENGTH_BYTES + bytes.readUInt16BE()
  return [bytes.subarray(LENGTH_BYTES, end), bytes.subarray(end)]
}

/** Milliseconds that sort as bytes. */
export function timeBytes(ms: number): Buffer {
  const bytes = Buffer.allocUnsafe(TIME_BYTES)
  bytes.writeUInt32BE(Math.floor(ms / 2 ** 32))
  bytes.writeUInt32BE(ms % 2 ** 32, 4)
  return bytes
}

/** Reverses `timeBytes`. */
export function readTime(key: Buffer, offset: number): number {
  return key.readUInt32BE(offset) * 2 ** 32 + key.readUInt32BE(offset + 4)
}

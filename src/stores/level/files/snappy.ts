import { FormatError } from './bytes.js'

/** More than any block contains: a record has at most some 100 KiB. */
const MAX_BYTES = 64 * 1024 * 1024

/** Unpacks Snappy's raw format (format_description.txt of google/snappy). Throws FormatError. */
export function unsnap(packed: Buffer): Buffer {
  let at = 0
  let length = 0
  for (let shift = 0; ; shift += 7) {
    const byte = packed[at++]
    if (byte === undefined || shift > 28) {
      throw new FormatError('its packed length is none')
    }
    length += (byte & 0x7f) * 2 ** shift
    if (byte < 0x80) {
      break
    }
  }
  if (length > MAX_BYTES) {
    throw new FormatError('it is too large when unpacked')
  }
  const out = Buffer.alloc(length)
  let end = 0
  const number = (bytes: number) => {
    if (at + bytes > packed.length) {
      throw new FormatError('it ends too early')
    }
    at += bytes
    return packed.readUIntLE(at - bytes, bytes)
  }
  while (at < packed.length) {
    const tag = number(1)
    const kind = tag & 3
    if (kind === 0) {
      const short = tag >> 2
      const size = (short < 60 ? short : number(short - 59)) + 1
      if (at + size > packed.length || end + size > length) {
        throw new FormatError('it ends too early')
      }
      packed.copy(out, end, at, at + size)
      at += size
      end += size
      continue
    }
    const size = kind === 1 ? 4 + ((tag >> 2) & 7) : 1 + (tag >> 2)
    const back = kind === 1 ? (tag >> 5) * 256 + number(1) : number(kind === 2 ? 2 : 4)
    if (back === 0 || back > end || end + size > length) {
      throw new FormatError('it refers to nothing')
    }
    for (let i = 0; i < size; i++, end++) {
      out[end] = out[end - back] as number
    }
  }
  if (end !== length) {
    throw new FormatError('it ends too early')
  }
  return out
}

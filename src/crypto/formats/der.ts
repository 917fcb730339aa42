const LONG_FORM = 0x80
const MAX_LENGTH_BYTES = 4

/**
 * The first element of DER (X.690 section 8.1): the whole element, and its contents alone. null if there is none, or
 * if it does not end within the bytes.
 */
export function derElement(
  der: Uint8Array,
): { readonly whole: Uint8Array; readonly contents: Uint8Array } | null {
  const first = der[1]
  if (first === undefined) {
    return null
  }
  const lengthBytes = first < LONG_FORM ? 0 : first - LONG_FORM
  const start = 2 + lengthBytes
  if (lengthBytes > MAX_LENGTH_BYTES || der.length < start) {
    return null
  }
  const length =
    lengthBytes === 0 ? first : der.subarray(2, start).reduce((sum, byte) => sum * 256 + byte, 0)
  const end = start + length
  return der.length < end
    ? null
    : { whole: der.subarray(0, end), contents: der.subarray(start, end) }
}

/** A SEQUENCE with these contents. */
export function derSequence(contents: Uint8Array): Uint8Array {
  const length = contents.length
  const head =
    length < LONG_FORM
      ? [length]
      : [LONG_FORM + MAX_LENGTH_BYTES, length >>> 24, length >>> 16, length >>> 8, length]
  return Uint8Array.from([0x30, ...head, ...contents])
}

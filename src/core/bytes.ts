import { base58, hex } from '@scure/base'

/** Compares bytes by content, whether Buffer or Uint8Array. Not in constant time, so not for secrets. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) {
    return false
  }
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) {
      return false
    }
  }
  return true
}

/** The length of a text in UTF-8, in bytes. */
export function utf8Length(text: string): number {
  let length = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit > 0x7f) {
      // Two bytes up to U+07FF, else three. A surrogate pair has four, two for each half.
      length += unit > 0x7ff && !(unit >= 0xd800 && unit <= 0xdfff) ? 2 : 1
    }
  }
  return length
}

const STRICT_UTF_8 = new TextDecoder('utf-8', { fatal: true })

/** Whether the bytes are UTF-8. Works in browsers too. */
export function isUtf8(bytes: Uint8Array): boolean {
  for (const byte of bytes) {
    if (byte > 0x7f) {
      return isDecodable(bytes)
    }
  }
  return true
}

function isDecodable(bytes: Uint8Array): boolean {
  try {
    STRICT_UTF_8.decode(bytes)
    return true
  } catch {
    return false
  }
}

/** The bytes of `hex:…` or `base58:…`. null: the text has no such prefix. Throws on digits that are none. */
export function prefixedBytes(text: string): Uint8Array | null {
  if (text.startsWith('hex:')) {
    return hex.decode(text.slice('hex:'.length))
  }
  return text.startsWith('base58:') ? base58.decode(text.slice('base58:'.length)) : null
}

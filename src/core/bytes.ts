/** Compares public bytes by content; takes a Buffer for a Uint8Array and the other way round. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}

/** Length of a text in UTF-8. */
export function utf8Length(text: string): number {
  let length = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit > 0x7f) {
      // Two bytes up to U+07FF, else three; the two halves of a surrogate pair share four.
      length += unit > 0x7ff && !(unit >= 0xd800 && unit <= 0xdfff) ? 2 : 1
    }
  }
  return length
}

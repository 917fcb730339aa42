import fc from 'fast-check'
import { expect, it } from 'vitest'
import { sameBytes, utf8Length } from '../../../src/core/bytes.js'

it('counts bytes of UTF-8 as an encoder would', () => {
  expect(utf8Length('aé€😀')).toBe(1 + 2 + 3 + 4)
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      expect(utf8Length(text)).toBe(Buffer.byteLength(text))
    }),
  )
})

it('compares by content, whatever the type', () => {
  expect(sameBytes(Buffer.from([1, 2]), Uint8Array.of(1, 2))).toBe(true)
  expect(sameBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false)
  expect(sameBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2, 0))).toBe(false)
})

import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  FREE_ID_BITS,
  uuidBytes,
  uuidText,
  uuidV4Bytes,
  withIdBits,
} from '../../../src/core/uuid.js'

const sixteen = fc.uint8Array({ minLength: 16, maxLength: 16 })

// The example of RFC 9562 appendix A.3.
it('reads and writes the text form', () => {
  const bytes = Uint8Array.from(Buffer.from('919108f752d133205bacf847db4148a8', 'hex'))
  expect(uuidText(bytes)).toBe('919108f7-52d1-3320-5bac-f847db4148a8')
  expect(uuidText(uuidV4Bytes(bytes))).toBe('919108f7-52d1-4320-9bac-f847db4148a8')
})

it('sets version and variant, and keeps the other 122 bits', () => {
  fc.assert(
    fc.property(sixteen, (random) => {
      const text = uuidText(uuidV4Bytes(random))
      expect(text).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
      const expected = Uint8Array.from(random)
      expected[6] = ((random[6] ?? 0) & 0x0f) | 0x40
      expected[8] = ((random[8] ?? 0) & 0x3f) | 0x80
      expect(uuidBytes(text)).toEqual(expected)
    }),
  )
})

it.each([
  ['start', 0],
  ['version', 15],
] as const)('has the bits that a store chooses at its %s, and keeps the other 110', (at, from) => {
  fc.assert(
    fc.property(sixteen, fc.nat(2 ** FREE_ID_BITS - 1), (random, bits) => {
      const free = uuidText(uuidV4Bytes(random))
      const digits = bits.toString(16).padStart(3, '0')
      const chosen = `${free.slice(0, from)}${digits}${free.slice(from + 3)}`
      expect(uuidText(uuidV4Bytes(random, { at, bits }))).toBe(chosen)
      expect(withIdBits(free, { at, bits })).toBe(chosen)
    }),
  )
})

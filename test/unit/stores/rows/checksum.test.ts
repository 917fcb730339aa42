import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  CHECKSUM_BYTES,
  withChecksum,
  withChecksumForNow,
  withoutChecksum,
} from '../../../../src/stores/rows/checksum.js'

const bytes = (maxLength: number) => fc.uint8Array({ maxLength })

it('gives back the value that was stored under a key, however long both are', () => {
  fc.assert(
    fc.property(bytes(200), bytes(2000), (key, value) => {
      const stored = withChecksum(key, value)
      expect(stored).toHaveLength(value.length + CHECKSUM_BYTES)
      expect(withoutChecksum(key, stored)).toEqual(Buffer.from(value))
    }),
  )
})

it('makes the same in memory that the next value takes', () => {
  fc.assert(
    fc.property(bytes(200), bytes(6000), bytes(6000), (key, value, next) => {
      const expected = withChecksum(key, value)
      expect(withChecksumForNow(key, value)).toEqual(expected)
      withChecksumForNow(key, next)
      expect(withChecksumForNow(key, value)).toEqual(expected)
    }),
    { examples: [[Buffer.from('key'), Buffer.alloc(1), Buffer.alloc(4096)]] },
  )
})

it('notices every bit that is altered, in the key, the value and the checksum', () => {
  const key = Buffer.from('sa session')
  const stored = withChecksum(
    key,
    Buffer.from('a value that is longer than sixty-four bytes, so that zlib is asked too'),
  )
  for (const part of [key, stored]) {
    for (let bit = 0; bit < 8 * part.length; bit++) {
      const at = bit >> 3
      part[at] = (part[at] as number) ^ (1 << (bit & 7))
      expect(withoutChecksum(key, stored)).toBeUndefined()
      part[at] = (part[at] as number) ^ (1 << (bit & 7))
    }
  }
  expect(withoutChecksum(key, stored)).toBeDefined()
})

it('notices a value under the key of another, and one that is cut short', () => {
  const stored = withChecksum(Buffer.from('sone'), Buffer.from('value'))
  expect(withoutChecksum(Buffer.from('sother'), stored)).toBeUndefined()
  for (let length = 0; length < stored.length; length++) {
    expect(withoutChecksum(Buffer.from('sone'), stored.subarray(0, length))).toBeUndefined()
  }
})

it('is field 15 to a protobuf reader, so that earlier releases read the layout version', () => {
  const stored = withChecksum(Buffer.from('minfo'), Buffer.of(8, 2))
  expect(stored.subarray(0, 3)).toEqual(Buffer.of(8, 2, (15 << 3) | 5))
})

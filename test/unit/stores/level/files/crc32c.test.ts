import { expect, it } from 'vitest'
import { crc32c, GrowingCrc32c, masked } from '../../../../../src/stores/level/files/crc32c.js'

it.each([
  ['32 zeros', Buffer.alloc(32), 0x8a9136aa],
  ['32 ones', Buffer.alloc(32, 0xff), 0x62a8ab43],
  ['0 to 31', Buffer.from(Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e],
  ['31 to 0', Buffer.from(Array.from({ length: 32 }, (_, i) => 31 - i)), 0x113fdb5c],
])('the CRC-32C of %s is that of RFC 3720', (_, bytes, crc) => {
  expect(crc32c(bytes)).toBe(crc)
  expect(crc32c(bytes.subarray(5), crc32c(bytes.subarray(0, 5)))).toBe(crc)
  const growing = new GrowingCrc32c()
  for (const byte of bytes) {
    growing.add(byte)
  }
  expect(growing.masked).toBe(masked(crc))
})

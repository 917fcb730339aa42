import { describe, expect, it } from 'vitest'
import { unsnap } from '../../../../../src/stores/level/files/snappy.js'

describe('Snappy', () => {
  it('unpacks literals and copies, those that overlap too', () => {
    expect(unsnap(Buffer.from([11, 0x04, 0x61, 0x62, 0x15, 0x02]))).toEqual(
      Buffer.from('abababababa'),
    )
  })

  it.each([
    ['no length', []],
    ['a length beyond all bounds', [0xff, 0xff, 0xff, 0xff, 0x0f]],
    ['too few bytes', [3, 0x08, 0x61]],
    ['more than its length', [1, 0x04, 0x61, 0x62]],
    ['less than its length', [5, 0x00, 0x61]],
    ['a copy of what is not there', [4, 0x01, 0x01]],
  ])('refuses data with %s', (_, bytes) => {
    expect(() => unsnap(Buffer.from(bytes))).toThrow()
  })
})

import { describe, expect, it } from 'vitest'
import { readLog } from '../../../../../src/stores/level/files/log.js'
import { altered, text } from '../../../../support/level-files.js'
import { logOf } from '../../../../support/level-log.js'

describe('a log', () => {
  // Texts: vitest compares buffers byte by byte, and these have 110,000.
  const textOf = (data: Buffer) => data.toString('latin1')
  const data = [text('a', 100), text('b', 70_000), text('c', 9), text('d', 40_000), text('e', 20)]
  const writes = data.map(textOf)
  const log = logOf(data)
  const found = (bytes: Buffer) =>
    [...readLog(bytes)].flatMap((entry) => ('data' in entry ? [textOf(entry.data)] : []))
  const damages = (bytes: Buffer) => [...readLog(bytes)].filter((entry) => 'problem' in entry)

  it('gives every write, also those that span blocks', () => {
    expect(found(log)).toEqual(writes)
    expect(damages(log)).toEqual([])
  })

  it('that ends anywhere in its last write is not damaged', () => {
    const before = logOf(data.slice(0, -1)).length
    for (let length = before; length < log.length; length++) {
      expect(damages(log.subarray(0, length))).toEqual([])
      expect(found(log.subarray(0, length))).toEqual(writes.slice(0, -1))
    }
  })

  it('whose last write spans blocks and has no end is not damaged', () => {
    const torn = logOf(data.slice(0, 4)).subarray(0, -1)
    expect([found(torn), damages(torn)]).toEqual([writes.slice(0, 3), []])
  })

  it('that ends in zeros from a sector on, as a power failure leaves it, is not damaged', () => {
    const long = logOf([...data, text('f', 3000)])
    const end = long.length - 1000
    const zeroed = Buffer.concat([
      long.subarray(0, end - (end % 512)),
      Buffer.alloc(long.length - (end - (end % 512))),
    ])
    expect(damages(zeroed)).toEqual([])
    expect(found(zeroed)).toEqual(writes)
    expect(damages(Buffer.concat([log, Buffer.alloc(5000)]))).toEqual([])
  })

  it.each([6, 100, 700])(
    'that ends in zeros from the last sector of a write on, %i bytes into it, is not damaged',
    (bytes) => {
      const before = logOf(data)
      const sector = Math.ceil((before.length + 20) / 512) * 512
      const whole = logOf([...data, text('f', sector + bytes - before.length - 7)])
      const zeroed = Buffer.concat([whole.subarray(0, sector), Buffer.alloc(bytes)])
      expect(zeroed).toHaveLength(whole.length)
      expect([found(zeroed), damages(zeroed)]).toEqual([writes, []])
      zeroed[sector - 1] = 0
      expect([found(zeroed), damages(zeroed)]).toEqual([writes, []])
      zeroed[zeroed.length - 1] = 1
      expect(damages(zeroed)).toHaveLength(1)
    },
  )

  it('tells of every altered byte but those that fill a block up', () => {
    const fillers = new Set<number>()
    for (let block = 32_768; block < log.length; block += 32_768) {
      for (let at = block - 6; at < block; at++) {
        if (log[at] === 0) {
          fillers.add(at)
        }
      }
    }
    for (let at = 0; at < log.length; at += at < 120 ? 1 : 1999) {
      if (!fillers.has(at)) {
        expect({ at, damages: damages(altered(log, at, 0x41)).length }).not.toMatchObject({
          damages: 0,
        })
      }
    }
    for (let at = log.length - 27; at < log.length; at++) {
      expect(damages(altered(log, at))).toHaveLength(1)
    }
  })

  it('loses the one write that is damaged, and none behind it', () => {
    const at = log.length - 20 - 7 - 10
    expect(found(altered(log, at))).toEqual([...writes.slice(0, 3), writes[4]])
    expect(found(altered(log, 50))).toEqual(writes.slice(1))
  })

  it('keeps a write of which only the length is damaged', () => {
    for (const mask of [1, 2, 64]) {
      expect(found(altered(log, 4, mask))).toEqual(writes)
    }
    const last = log.length - 20 - 7
    for (const mask of [1, 8, 0x80]) {
      expect(found(altered(log, last + 4, mask))).toEqual(writes)
      expect(damages(altered(log, last + 4, mask))).toMatchObject([
        { offset: last, problem: 'the length of a record is damaged', isLost: false },
      ])
    }
  })
})

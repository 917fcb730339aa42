import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { crc32c } from '../../../../src/stores/level/files/crc32c.js'
import { readLog } from '../../../../src/stores/level/files/log.js'
import { ManifestReader, readManifest } from '../../../../src/stores/level/files/manifest.js'
import { unsnap } from '../../../../src/stores/level/files/snappy.js'
import { findBlocks, rowsOf, verifyTable } from '../../../../src/stores/level/files/table.js'
import { logOf } from '../../../support/level-log.js'

const SAMPLE = fileURLToPath(
  new URL('../../../samples/store-layout-1/data/store/', import.meta.url),
)
const manifest = await readFile(`${SAMPLE}MANIFEST-000004`)
const table = await readFile(`${SAMPLE}000005.ldb`)
const large = await readFile(
  new URL('../../../samples/damaged-store/store/000005.ldb', import.meta.url),
)

const text = (character: string, length: number) => Buffer.alloc(length, character)
const altered = (bytes: Buffer, at: number, mask = 1) => {
  const copy = Buffer.from(bytes)
  copy[at] = (copy[at] as number) ^ mask
  return copy
}

it.each([
  ['32 zeros', Buffer.alloc(32), 0x8a9136aa],
  ['32 ones', Buffer.alloc(32, 0xff), 0x62a8ab43],
  ['0 to 31', Buffer.from(Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e],
  ['31 to 0', Buffer.from(Array.from({ length: 32 }, (_, i) => 31 - i)), 0x113fdb5c],
])('the CRC-32C of %s is that of RFC 3720', (_, bytes, crc) => {
  expect(crc32c(bytes)).toBe(crc)
  expect(crc32c(bytes.subarray(5), crc32c(bytes.subarray(0, 5)))).toBe(crc)
})

describe('a log', () => {
  const writes = [text('a', 100), text('b', 70_000), text('c', 9), text('d', 40_000), text('e', 20)]
  const log = logOf(writes)
  const found = (bytes: Buffer) =>
    [...readLog(bytes)].flatMap((entry) => ('data' in entry ? [entry.data] : []))
  const damages = (bytes: Buffer) => [...readLog(bytes)].filter((entry) => 'problem' in entry)

  it('gives every write, also those that span blocks', () => {
    expect(found(log)).toEqual(writes)
    expect(damages(log)).toEqual([])
  })

  it('that ends anywhere in its last write is not damaged', () => {
    const before = logOf(writes.slice(0, -1)).length
    for (let length = before; length < log.length; length++) {
      expect(damages(log.subarray(0, length))).toEqual([])
      expect(found(log.subarray(0, length))).toEqual(writes.slice(0, -1))
    }
  })

  it('whose last write spans blocks and has no end is not damaged', () => {
    const torn = logOf(writes.slice(0, 4)).subarray(0, -1)
    expect([found(torn), damages(torn)]).toEqual([writes.slice(0, 3), []])
  })

  it('that ends in zeros from a sector on, as a power failure leaves it, is not damaged', () => {
    const long = logOf([...writes, text('f', 3000)])
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
      const before = logOf(writes)
      const sector = Math.ceil((before.length + 20) / 512) * 512
      const whole = logOf([...writes, text('f', sector + bytes - before.length - 7)])
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
    expect(found(altered(log, at))).toEqual([...writes.slice(0, 3), text('e', 20)])
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

describe('a manifest', () => {
  it('names the tables and the log', () => {
    expect(readManifest(manifest)).toEqual({
      logNumber: 6,
      prevLogNumber: 0,
      lastSequence: expect.any(Number),
      tables: new Map([[5, table.length]]),
      problems: [],
    })
  })

  it('tells of every altered byte', () => {
    for (let at = 0; at < manifest.length; at++) {
      expect({
        at,
        problems: readManifest(altered(manifest, at)).problems.length,
      }).not.toMatchObject({ problems: 0 })
    }
  })

  it('that grows is read on from where it ended, an entry that was cut off once it is whole', () => {
    // The number of a table that is there from now on, and the smallest and largest key in it.
    const added = (number: number) =>
      Buffer.concat([
        Buffer.of(7, 0, number, 9),
        Buffer.of(200, 78),
        text('k', 10_056),
        Buffer.of(0),
      ])
    const numbers = Array.from({ length: 20 }, (_, i) => i + 1)
    const whole = logOf([...numbers.map(added), Buffer.of(6, 0, 3)])
    const reader = new ManifestReader()
    const starts: number[] = []
    for (let length = 0; length < whole.length + 5000; length += 5000) {
      const { start } = reader
      starts.push(start)
      const grown = whole.subarray(0, length)
      expect(reader.read(grown.subarray(start))).toEqual(readManifest(grown))
    }
    expect([...new Set(starts)]).toEqual([0, 1, 2, 3, 4, 5].map((block) => block * 32_768))
    expect(readManifest(whole)).toMatchObject({ problems: [], tables: { size: 19 } })
  })

  it('that is empty is damaged', () => {
    expect(readManifest(Buffer.alloc(0)).problems).toEqual(['it has no whole entry'])
  })
})

describe('a table', () => {
  const rows = (bytes: Buffer) =>
    findBlocks(bytes).flatMap((block) =>
      [...rowsOf(bytes, block)].map(
        ({ key, value }) => `${key.toString('hex')} ${value.toString('hex')}`,
      ),
    )

  it('gives its rows', () => {
    expect(verifyTable(table)).toEqual([])
    expect(rows(table).length).toBeGreaterThan(40)
  })

  it('tells of every altered byte but those between the places in its footer and its end', () => {
    const padding = table.subarray(-48, -8).lastIndexOf(Buffer.of(0)) === 39 ? 40 : 0
    const silent = Array.from(table.keys()).filter(
      (at) => verifyTable(altered(table, at)).length === 0,
    )
    expect(padding).toBe(40)
    expect(
      silent.every((at) => at >= table.length - 48 && at < table.length - 8 && table[at] === 0),
    ).toBe(true)
  })

  it('gives the same rows where its footer or its index is damaged', () => {
    for (let at = table.length - 80; at < table.length; at++) {
      expect(rows(altered(table, at, 0x55))).toEqual(rows(table))
    }
  })

  it('gives all rows behind a damaged block, and tells of that block, where its footer or index is damaged too', () => {
    // It has a damaged block already.
    const blocks = findBlocks(large)
    expect(blocks.filter(({ isWhole }) => !isWhole)).toHaveLength(1)
    for (const at of [large.length - 1, large.length - 60]) {
      for (const i of [0, 100, 300]) {
        const { offset, size } = blocks[i] as (typeof blocks)[0]
        const found = findBlocks(altered(altered(large, at, 0x55), offset + (size >> 1)))
        expect(found).toEqual(blocks.with(i, { offset, size, isWhole: false }))
      }
    }
  })
})

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

import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { findBlocks, rowsOf, verifyTable } from '../../../../../src/stores/level/files/table.js'
import { altered, SAMPLE } from '../../../../support/level-files.js'

const table = await readFile(`${SAMPLE}000005.ldb`)
const large = await readFile(
  new URL('../../../../samples/damaged-store/store/000005.ldb', import.meta.url),
)

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

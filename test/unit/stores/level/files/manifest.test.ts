import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { ManifestReader, readManifest } from '../../../../../src/stores/level/files/manifest.js'
import { altered, SAMPLE, text } from '../../../../support/level-files.js'
import { logOf } from '../../../../support/level-log.js'

const manifest = await readFile(`${SAMPLE}MANIFEST-000004`)
const table = await readFile(`${SAMPLE}000005.ldb`)

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

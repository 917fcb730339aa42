import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { FormatError } from '../../src/stores/level/files/bytes.js'
import { readBatch, readLog } from '../../src/stores/level/files/log.js'
import { readManifest } from '../../src/stores/level/files/manifest.js'
import { unsnap } from '../../src/stores/level/files/snappy.js'
import { findBlocks, rowsOf, verifyTable } from '../../src/stores/level/files/table.js'
import { fuzz } from './engine.js'
import { mutateBytes } from './mutations.js'

const SAMPLE = fileURLToPath(new URL('../samples/store-layout-1/data/store/', import.meta.url))
const file = (name: string) => readFileSync(`${SAMPLE}${name}`)

/** Reads on past damage, so it must end, whatever stands there, and throw nothing. */
const READERS: readonly ((bytes: Buffer) => boolean)[] = [
  (bytes) => {
    let isDamaged = false
    for (const entry of readLog(bytes)) {
      isDamaged ||= 'problem' in entry || !canBeRead(() => [...readBatch(entry.data)])
    }
    return isDamaged
  },
  (bytes) => readManifest(bytes).problems.length > 0,
  (bytes) => {
    for (const block of findBlocks(bytes)) {
      for (const { key, value } of rowsOf(bytes, block)) {
        void (key.length + value.length)
      }
    }
    return verifyTable(bytes).length > 0
  },
  (bytes) => !canBeRead(() => unsnap(bytes)),
]

function canBeRead(read: () => unknown): boolean {
  try {
    read()
    return true
  } catch (error) {
    if (!(error instanceof FormatError)) {
      throw error
    }
    return false
  }
}

/** The first byte says which reader gets the rest. */
const seed = (reader: number, bytes: Buffer) => Buffer.concat([Buffer.of(reader), bytes])

fuzz({
  name: 'level-files',
  seeds: [
    seed(0, file('000006.log')),
    seed(1, file('MANIFEST-000004')),
    seed(2, file('000005.ldb')),
    seed(3, Buffer.from([11, 0x04, 0x61, 0x62, 0x15, 0x02])),
  ],
  mutate: mutateBytes,
  reaches: ['damaged', 'whole'],
  check(input) {
    const read = READERS[(input[0] ?? 0) % READERS.length] as (bytes: Buffer) => boolean
    return read(input.subarray(1)) ? 'damaged' : 'whole'
  },
})

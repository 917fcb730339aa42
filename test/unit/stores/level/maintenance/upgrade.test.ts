import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Level } from 'level'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { RawLevel } from '../../../../../src/stores/level/byte-level.js'
import { Database } from '../../../../../src/stores/level/database.js'
import { newInfo, readInfoRow } from '../../../../../src/stores/level/layout/info.js'
import { INFO_KEY, RANGES, sessionKey } from '../../../../../src/stores/level/layout/keys.js'
import { addChecksums } from '../../../../../src/stores/level/maintenance/upgrade.js'
import { withChecksum } from '../../../../../src/stores/rows/checksum.js'
import {
  decodeSession,
  encodeInfo,
  encodeSession,
  type Info,
} from '../../../../../src/stores/rows/codec.js'
import { rowsIn } from '../../../../support/care.js'
import { damaged, openStore, recordWithUser } from '../../../../support/damage.js'
import { temporaryDirectory } from '../../../../support/process.js'
import { EPOCHS } from '../../../../support/store-sessions.js'

const SAMPLE = fileURLToPath(
  new URL('../../../../samples/store-layout-1/data/store', import.meta.url),
)

describe('the store of an earlier release', () => {
  async function sample(): Promise<string> {
    const location = join(await temporaryDirectory(onTestFinished), 'store')
    await cp(SAMPLE, location, { recursive: true })
    return location
  }
  const bareRows = async (location: string) => {
    const level: RawLevel = new Level(location, { keyEncoding: 'buffer', valueEncoding: 'view' })
    await level.open()
    const rows = await level.iterator().all()
    await level.close()
    return rows.map(([key, value]) => [key.toString('hex'), Buffer.from(value)] as const)
  }

  it('gets checksums for every row when it is opened, and its content stays', async () => {
    const location = await sample()
    const before = new Map(await bareRows(location))
    await (await openStore(location)).close()
    for (const [key, value] of await bareRows(location)) {
      const bytes = Buffer.from(key, 'hex')
      let was = bytes.equals(INFO_KEY) ? encodeInfo(newInfo(EPOCHS)) : before.get(key)
      if (bytes[0] === RANGES.sessions.gte[0]) {
        // What callers had kept in ended ones goes.
        was = encodeSession(decodeSession(was as Uint8Array))
      }
      expect(value).toEqual(withChecksum(bytes, was as Uint8Array))
    }
    expect(await rowsIn(location)).toHaveLength(before.size)
  })

  it('tells how far it is when it begins, and after each batch how many rows are done', async () => {
    const location = await sample()
    const database = new Database(location)
    await database.open()
    onTestFinished(() => database.close())
    const told: [number, boolean][] = []
    const onUpgrade = (rows: number, isDone: boolean) => void told.push([rows, isDone])
    await addChecksums(database, database.info as Info, onUpgrade, 7)
    const total = (await database.read((level) => level.iterator().all())).filter(
      ([key]) => key[0] !== RANGES.facts.gte[0],
    ).length
    expect(told.slice(0, 3)).toEqual([
      [0, false],
      [7, false],
      [14, false],
    ])
    expect(told.slice(-2)).toEqual([
      [total, false],
      [total, true],
    ])
    await addChecksums(database, { ...newInfo(EPOCHS) }, onUpgrade)
    expect(told.at(-1)).toEqual([total, true])
  })

  it('loses what callers had kept in sessions that have ended', async () => {
    const location = await sample()
    const level: RawLevel = new Level(location, { keyEncoding: 'buffer', valueEncoding: 'view' })
    await level.open()
    await level.put(sessionKey('gone'), recordWithUser('gone', 'Kept too long'))
    await level.close()
    await (await openStore(location)).close()
    const rows = new Map(await bareRows(location))
    const left = rows.get(sessionKey('gone').toString('hex'))?.toString('latin1')
    expect(left).toContain('alice')
    expect(left).not.toContain('Kept too long')
  })

  it('goes on where it was cut off, at any batch', async () => {
    const whole = await sample()
    await (await openStore(whole)).close()
    const cut = await sample()
    let cuts = -1
    for (let isDone = false; !isDone; cuts++) {
      // One commit further each time: those before stay.
      const database = new CutOff(cut, 1)
      await database.open()
      await addChecksums(database, database.info as Info, () => {}, 7).then(
        () => {
          isDone = true
        },
        (error) => expect(error.message).toBe('cut off'),
      )
      await database.close()
    }
    expect(cuts).toBeGreaterThan(5)
    expect(await rowsIn(cut)).toEqual(await rowsIn(whole))
  })

  it('is refused where a table has a damaged byte, which nothing else would notice', async () => {
    const location = await sample()
    const path = join(location, '000005.ldb')
    const bytes = await readFile(path)
    bytes[100] = (bytes[100] as number) ^ 1
    await writeFile(path, bytes)
    await expect(openStore(location)).rejects.toEqual(damaged(/000005.ldb: a block of rows/))
    await expect(openStore(location, { acceptDamage: true })).rejects.toEqual(
      damaged(/sessiond repair/),
    )
  })

  it('is not what a newer one becomes by any altered bit', () => {
    const row = withChecksum(INFO_KEY, encodeInfo(newInfo(EPOCHS)))
    for (let bit = 0; bit < 8 * row.length; bit++) {
      const altered = Buffer.from(row)
      altered[bit >> 3] = (altered[bit >> 3] as number) ^ (1 << (bit & 7))
      expect(() => readInfoRow(altered, 'store')).toThrow(/store: its record of layout/)
    }
    const old = encodeInfo({ ...newInfo(EPOCHS), layoutVersion: 1 })
    expect(readInfoRow(old, 'store')).toMatchObject({ layoutVersion: 1 })
  })
})

/** A database that fails after so many commits. */
class CutOff extends Database {
  constructor(
    location: string,
    private commits: number,
  ) {
    super(location)
  }

  override async commit(...args: Parameters<Database['commit']>): Promise<void> {
    if (this.commits-- === 0) {
      throw new Error('cut off')
    }
    await super.commit(...args)
  }
}

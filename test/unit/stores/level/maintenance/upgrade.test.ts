import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Level } from 'level'
import { describe, expect, it, onTestFinished } from 'vitest'
import { endingIn } from '../../../../../src/core/endings/session-endings.js'
import type { RawLevel } from '../../../../../src/stores/level/byte-level.js'
import { Database } from '../../../../../src/stores/level/database.js'
import { anyDeadlineOf, anyScopeOf } from '../../../../../src/stores/level/layout/earlier-keys.js'
import {
  encodeInfo,
  type Info,
  newInfo,
  readInfoRow,
} from '../../../../../src/stores/level/layout/info.js'
import {
  deadlineKey,
  entryKey,
  INFO_KEY,
  RANGES,
  sessionKey,
} from '../../../../../src/stores/level/layout/keys.js'
import { upgradeStore } from '../../../../../src/stores/level/maintenance/upgrade.js'
import { withChecksum } from '../../../../../src/stores/rows/checksum.js'
import {
  decodeEntry,
  decodeSession,
  encodeEntry,
  encodeSession,
} from '../../../../../src/stores/rows/codec.js'
import { rowsIn } from '../../../../support/care.js'
import { alter, damaged, openStore, recordWithUser } from '../../../../support/damage.js'
import { auditLevel } from '../../../../support/level-audit.js'
import { temporaryDirectory } from '../../../../support/process.js'
import { EPOCHS } from '../../../../support/store-sessions.js'

const SAMPLES = fileURLToPath(new URL('../../../../samples/', import.meta.url))

/** A row of an earlier layout as it is in this one. */
function renewed(key: Buffer, value: Uint8Array): readonly [Buffer, Uint8Array] {
  switch (key[0]) {
    case RANGES.sessions.gte[0]: {
      const session = decodeSession(value)
      // What callers had kept in ended ones goes.
      return [key, session.active ? value : encodeSession(session)]
    }
    case RANGES.entries.gte[0]:
      return [entryKey(anyScopeOf(key)), encodeEntry(decodeEntry(value))]
    case RANGES.deadlines.gte[0]:
      return [deadlineKey(anyDeadlineOf(key)), value]
    default:
      return [key, value]
  }
}

describe('the store of an earlier release', () => {
  async function sample(name = 'store-layout-1'): Promise<string> {
    const location = join(await temporaryDirectory(onTestFinished), 'store')
    await cp(join(SAMPLES, name, 'data/store'), location, { recursive: true })
    return location
  }
  const bareRows = async (location: string) => {
    const level: RawLevel = new Level(location, { keyEncoding: 'buffer', valueEncoding: 'view' })
    await level.open()
    const rows = await level.iterator().all()
    await level.close()
    return rows.map(([key, value]) => [key.toString('hex'), Buffer.from(value)] as const)
  }

  it('gets checksums and new keys for every row when it is opened, and its content stays', async () => {
    const location = await sample()
    const before = await bareRows(location)
    await (await openStore(location)).close()
    const expected = before.flatMap(([key, value]) => {
      const [now, content] = renewed(Buffer.from(key, 'hex'), value)
      return now.equals(INFO_KEY)
        ? []
        : [[now.toString('hex'), withChecksum(now, content)] as const]
    })
    const after = new Map(await bareRows(location))
    const info = readInfoRow(after.get(INFO_KEY.toString('hex')), location) as Info
    expect(info).toEqual({ ...newInfo(EPOCHS), storeId: info.storeId })
    expect(info.storeId).toHaveLength(16)
    for (const [key, value] of expected) {
      expect([key, after.get(key)]).toEqual([key, value])
    }
    expect(await auditLevel(location)).toEqual([])
  })

  it('remembers how its sessions ended within their lifetimes, once, wherever that was cut off', async () => {
    const whole = await sample()
    const ended = (await bareRows(whole)).flatMap(([key, value]) => {
      const session = key.startsWith('73') ? decodeSession(value) : undefined
      return (session && endingIn(session, EPOCHS)) ?? []
    })
    expect(ended.length).toBeGreaterThan(0)
    const store = await openStore(whole)
    const { endings, cursor } = await store.endings(new Uint8Array(), 100)
    expect(endings).toEqual(ended)
    await store.close()
    const again = await openStore(whole)
    expect(await again.endings(cursor, 100)).toMatchObject({ endings: [], isFull: false })
    expect((await again.endings(new Uint8Array(), 100)).endings).toEqual(ended)
    await again.close()
  })

  it('of layout 2 gets new keys when it is opened, at any batch where it was cut off', async () => {
    const whole = await sample('store-layout-2')
    const before = await bareRows(whole)
    await (await openStore(whole)).close()
    const [keys, keysBefore] = [await bareRows(whole), before].map((rows) =>
      rows.map(([key]) => key),
    )
    expect(keys).not.toEqual(keysBefore)
    const isEnding = (key: string) => key.startsWith('65') || key.slice(18, 20) === '03'
    expect(keys?.filter((key) => !isEnding(key))).toHaveLength(before.length)
    expect(await auditLevel(whole)).toEqual([])
    const cut = await sample('store-layout-2')
    expect(await upgradeInParts(cut)).toBeGreaterThan(2)
    expect(await rowsIn(cut)).toEqual(await rowsIn(whole))
  })

  it('of layout 2 is upgraded around a damaged row, which stays for a check to find', async () => {
    const location = await sample('store-layout-2')
    const keys = (await bareRows(location)).map(([key]) => Buffer.from(key, 'hex'))
    const damagedKey = keys.find((key) => key[0] === RANGES.entries.gte[0]) as Buffer
    await alter(location, damagedKey)
    await (await openStore(location)).close()
    const after = (await bareRows(location)).map(([key]) => key)
    expect(after).toContain(damagedKey.toString('hex'))
    const entries = after.filter((key) => key.startsWith('69'))
    expect(entries.filter((key) => keys.some((old) => old.toString('hex') === key))).toHaveLength(1)
  })

  it('tells how far it is when it begins, and after each batch how many rows are done', async () => {
    const location = await sample()
    const database = new Database(location)
    await database.open()
    onTestFinished(() => database.close())
    const told: [number, boolean][] = []
    const onUpgrade = (rows: number, isDone: boolean) => void told.push([rows, isDone])
    await upgradeStore(database, database.info as Info, onUpgrade, 7)
    const rows = await database.read((level) => level.iterator().all())
    const kinds = rows.map(([key]) => key.toString('latin1', 0, 1)).filter((kind) => kind !== 'm')
    const made = rows.filter(([key]) => key[0] === RANGES.endings.gte[0]).length
    // Sessions, entries and deadlines are looked at twice: for their checksums, and for what follows from them.
    const twice = kinds.filter((kind) => ['s', 'i', 'x'].includes(kind)).length
    const total = kinds.length - 2 * made + twice - made
    expect(told.slice(0, 3)).toEqual([
      [0, false],
      [7, false],
      [14, false],
    ])
    expect(told.slice(-2)).toEqual([
      [total, false],
      [total, true],
    ])
    await upgradeStore(database, { ...newInfo(EPOCHS) }, onUpgrade)
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
    expect(await upgradeInParts(cut)).toBeGreaterThan(5)
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

/** Upgrades a store, one commit further each time: those before stay. Returns how often it was cut off. */
async function upgradeInParts(location: string): Promise<number> {
  for (let cuts = 0; ; cuts++) {
    const database = new CutOff(location, 1)
    await database.open()
    const isDone = await upgradeStore(database, database.info as Info, () => {}, 7).then(
      () => true,
      (error: Error) => {
        expect(error.message).toBe('cut off')
        return false
      },
    )
    await database.close()
    if (isDone) {
      return cuts
    }
  }
}

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

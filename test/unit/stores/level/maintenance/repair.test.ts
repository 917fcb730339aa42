import { spawnSync } from 'node:child_process'
import { cp, mkdir, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Level } from 'level'
import { describe, expect, it, onTestFinished } from 'vitest'
import { readConfig } from '../../../../../src/config/config.js'
import { storePlace } from '../../../../../src/config/store-place.js'
import { repairDataDir } from '../../../../../src/offline/repair.js'
import type { RawLevel } from '../../../../../src/stores/level/byte-level.js'
import { levelEngine } from '../../../../../src/stores/level/engine.js'
import { encodeInfo, newInfo } from '../../../../../src/stores/level/layout/info.js'
import { INFO_KEY, sessionKey } from '../../../../../src/stores/level/layout/keys.js'
import { holdLock } from '../../../../../src/stores/level/maintenance/hold-lock.js'
import { salvage } from '../../../../../src/stores/level/maintenance/salvage.js'
import { LevelStore } from '../../../../../src/stores/level/store.js'
import { withChecksum } from '../../../../../src/stores/rows/checksum.js'
import { fillStore, rowsIn, withLevel } from '../../../../support/care.js'
import { temporaryDirectory } from '../../../../support/process.js'
import { EPOCHS } from '../../../../support/store-sessions.js'

/** Opens a database as another process does, and tells how that went. */
const OPEN = `
  import { Level } from 'level'
  const level = new Level(process.argv[1], { createIfMissing: false })
  await level.open().then(() => console.log('open'), ({ cause }) => console.log(cause.code))`

async function filledDataDir() {
  const dataDir = await temporaryDirectory(onTestFinished)
  const location = join(dataDir, 'store')
  await fillStore(location)
  const config = readConfig({ flags: { 'data-dir': dataDir }, env: {} })
  return { dataDir, location, config }
}

it('lets nobody have a store that LevelDB must save, until the new one is in its place', async () => {
  const { location, config } = await filledDataDir()
  await rm(join(location, 'CURRENT'))
  const seen: string[] = []
  const onLine = () => {
    const args = ['--input-type=module', '--eval', OPEN, location]
    seen.push(spawnSync(process.execPath, args, { encoding: 'utf8' }).stdout.trim())
  }
  const { counts } = await repairDataDir(config, { isDry: false, onLine })
  expect(counts.sessions).toBe(7)
  expect(seen).toEqual(['LEVEL_LOCKED'])
})

it('changes nothing and leaves nothing where it is stopped', async () => {
  const { dataDir, location, config } = await filledDataDir()
  await rm(join(location, 'CURRENT'))
  const stop = new AbortController()
  const onLine = () => stop.abort(new Error('stopped'))
  const repaired = repairDataDir(config, { isDry: false, onLine, signal: stop.signal })
  await expect(repaired).rejects.toThrow('stopped')
  expect(await readdir(dataDir)).toEqual(['store'])
})

it('is not hidden by an empty store where it was cut off between two names', async () => {
  const { dataDir, location, config } = await filledDataDir()
  const made = `${location}.repairing-0123456789ab`
  await cp(location, made, { recursive: true })
  await rename(location, `${location}.before-repair-2026`)
  const open = () => levelEngine(storePlace(config)).open({ epochs: EPOCHS })
  await expect(open()).rejects.toMatchObject({
    code: 'STORE_MISMATCH',
    message: expect.stringContaining(`rename it to ${location}`),
  })
  await mkdir(location)
  await expect(open()).rejects.toMatchObject({ code: 'STORE_MISMATCH' })
  await rm(location, { recursive: true })
  expect(await readdir(dataDir)).toHaveLength(2)
  await rename(made, location)
  await (await open()).close()
  expect(await rowsIn(location)).not.toEqual([])
})

it('says why where nothing can be made beside the store', async () => {
  const { location } = await filledDataDir()
  // As on a file system that is read-only, or where the directory is somebody else's.
  await expect(holdLock(location, join(location, 'nowhere', 'lock'))).rejects.toMatchObject({
    code: 'STORE_UNAVAILABLE',
    message: expect.stringMatching(/store cannot be kept from servers: ENOENT/),
  })
})

/** Repairs a store, and gives what it says. */
async function linesOfRepair(config: ReturnType<typeof readConfig>): Promise<string[]> {
  const lines: string[] = []
  await repairDataDir(config, { isDry: true, onLine: (line) => lines.push(line) })
  return lines
}

it.each<[string, (table: string, size: number) => Promise<unknown>, RegExp]>([
  ['cut off', (table, size) => truncate(table, size >> 1), /has \d+ bytes, but was written with/],
  ['empty', (table) => truncate(table, 0), /has 0 bytes, but was written with/],
  ['damaged at its end', (table, size) => alter(table, size - 1), /its end is not that of a table/],
])('tells of a table that is %s, whatever it can still read of it', async (_, damage, problem) => {
  const { location, config } = await filledDataDir()
  await (await LevelStore.open(location, { epochs: EPOCHS })).close()
  const [name = ''] = (await readdir(location)).filter((file) => file.endsWith('.ldb'))
  await damage(join(location, name), (await readFile(join(location, name))).length)
  const lines = await linesOfRepair(config)
  expect(lines.filter((line) => line.startsWith(`damaged: ${name}: `))).toContainEqual(
    expect.stringMatching(problem),
  )
})

async function alter(path: string, at: number, mask = 1): Promise<void> {
  const bytes = await readFile(path)
  bytes[at] = (bytes[at] as number) ^ mask
  await writeFile(path, bytes)
}

describe('of the versions of a row', () => {
  const key = sessionKey('id')
  const other = sessionKey('other')
  type Write = readonly [key: Buffer, value: Buffer | null]
  const version = (of: Buffer, n: number): Write => [
    of,
    withChecksum(of, Buffer.from(`version ${n}`)),
  ]
  const many = Array.from({ length: 12 }, (_, i) => version(other, i))
  const FIRST: Write = [INFO_KEY, withChecksum(INFO_KEY, encodeInfo(newInfo(EPOCHS)))]

  /** A database with a table for each of the slices of writes but the last, which is in its log. */
  async function written(slices: readonly Write[][]): Promise<string> {
    const location = join(await temporaryDirectory(onTestFinished), 'store')
    for (const writes of slices) {
      const level: RawLevel = new Level(location, {
        ...{ keyEncoding: 'buffer', valueEncoding: 'view', compression: false },
      })
      await level.open()
      for (const [row, value] of writes) {
        await (value === null ? level.del(row) : level.put(row, value))
      }
      await level.close()
    }
    return location
  }

  /** Alters what stands behind a key in a table: a mark, and the sequence number, lowest byte first. */
  async function alterBehind(location: string, table: number, row: Buffer, byte: number) {
    const tables = (await readdir(location)).filter((file) => file.endsWith('.ldb')).sort()
    const path = join(location, tables[table] ?? '')
    await alter(path, (await readFile(path)).indexOf(row) + row.length + byte, 8)
  }

  async function salvaged(location: string) {
    const lines: string[] = []
    for await (const line of salvage(location, `${location}.copy`, `${location}.stage`)) {
      lines.push(line)
    }
    expect(await readdir(join(location, '..'))).toEqual(['store', 'store.copy'])
    const value = await withLevel(`${location}.copy`, (level) => level.bare.get(key))
    return {
      kept: value && Buffer.from(value.slice(0, -5)).toString(),
      doubts: lines.filter((line) => line.startsWith('doubtful')),
      damages: lines.filter((line) => line.startsWith('damaged')).length,
    }
  }

  it.each<[string, Write[][]]>([
    ['that is in a log', [[FIRST, version(key, 1)], [version(key, 2)]]],
    [
      'that is in a log with others',
      [
        [FIRST, version(key, 1)],
        [version(key, 2), ...many],
      ],
    ],
    ['that is in a table', [[FIRST, version(key, 1)], [version(key, 2)], []]],
  ])('an older one with a damaged sequence number does not replace one %s', async (_, slices) => {
    const location = await written(slices)
    await alterBehind(location, 0, key, 1)
    expect(await salvaged(location)).toEqual({ kept: 'version 2', doubts: [], damages: 2 })
  })

  it('one of a damaged block that replaces another is told of by its name', async () => {
    const location = await written([[FIRST, version(key, 1)], [version(key, 2), ...many], []])
    await alterBehind(location, 0, key, 1)
    expect(await salvaged(location)).toEqual({
      kept: 'version 1',
      doubts: [expect.stringMatching(/session "id": its record is taken from a damaged block/)],
      damages: 2,
    })
  })

  it('none is hidden by a damaged block alone that says it was deleted', async () => {
    const location = await written([[FIRST, version(key, 1)], [[key, null], version(other, 1)], []])
    await alterBehind(location, 1, other.subarray(1), 9 + 3)
    expect(await salvaged(location)).toEqual({
      kept: 'version 1',
      doubts: [expect.stringMatching(/session "id": its record is kept, though/)],
      damages: 2,
    })
  })
})

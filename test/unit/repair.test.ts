import { spawnSync } from 'node:child_process'
import { cp, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { readConfig } from '../../src/config.js'
import { holdLock } from '../../src/programs/hold-lock.js'
import { repairDataDir } from '../../src/programs/repair.js'
import { LevelStore } from '../../src/stores/level/store.js'
import { fillStore, rowsIn } from '../support/care.js'
import { temporaryDirectory } from '../support/process.js'
import { EPOCHS } from '../support/store-sessions.js'

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
  expect(counts.sessions).toBe(6)
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
  const { dataDir, location } = await filledDataDir()
  const made = `${location}.repairing-0123456789ab`
  await cp(location, made, { recursive: true })
  await rename(location, `${location}.before-repair-2026`)
  const open = () => LevelStore.open(location, { epochs: EPOCHS })
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

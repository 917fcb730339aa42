import fs from 'node:fs'
import { copyFile, mkdir, readFile, rename, rm, rmdir, utimes, writeFile } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { Presence } from '../../../../src/stores/level/presence.js'
import { openedTwice } from '../../../support/damage.js'

describe('a check of the files', () => {
  it.each([/\.log$/, /^MANIFEST-/])(
    'notices that one is replaced under its name (%s)',
    async (end) => {
      const { location, pathOf } = await openedTwice()
      const presence = new Presence(location)
      expect(presence.check()).toBeNull()
      const path = await pathOf(end)
      await copyFile(path, join(location, 'copy'))
      await rename(join(location, 'copy'), path)
      expect(presence.check(true)).toMatch(/is no longer there/)
    },
  )

  it('says nothing where the system does not say whether they are there, once, and looks again', async () => {
    const { location } = await openedTwice()
    const causes: unknown[] = []
    const presence = new Presence(location, (cause) => causes.push(cause))
    const current = join(location, 'CURRENT')
    await rename(current, `${current}.kept`)
    await mkdir(current)
    expect([presence.check(), presence.check()]).toEqual([null, null])
    expect(causes).toEqual([expect.objectContaining({ code: 'EISDIR' })])
    await rmdir(current)
    expect(presence.check()).toMatch(/CURRENT/)
  })

  it('reads of a manifest what came since the last time alone', async () => {
    const { location, pathOf } = await openedTwice()
    const presence = new Presence(location)
    expect(presence.check(true)).toBeNull()
    const manifest = await pathOf(/^MANIFEST-/)
    const bytes = await readFile(manifest)
    bytes.fill(0xff, 0, 20)
    await writeFile(manifest, bytes)
    expect(presence.check(true)).toBeNull()
    // Who read all of it again would not know what the database lives on.
    await rm(await pathOf(/\.ldb$/))
    expect(presence.check(true)).toMatch(/\.ldb is no longer there/)
  })

  it('that is asked to does not trust the time of the directory', async () => {
    const { location, pathOf } = await openedTwice()
    const presence = new Presence(location, undefined, () => Date.now() + 10_000)
    await utimes(location, 1_000, 1_000)
    expect(presence.check()).toBeNull()
    await rm(await pathOf(/\.log$/))
    await utimes(location, 1_000, 1_000)
    expect(presence.check()).toBeNull()
    expect(presence.check(true)).toMatch(/\.log is no longer there/)
  })

  it('looks again where LevelDB goes on to another log while it looks', async () => {
    const { location, pathOf } = await openedTwice()
    const presence = new Presence(location)
    expect(presence.check()).toBeNull()
    const log = await pathOf(/\.log$/)
    const readdir = vi.spyOn(fs, 'readdirSync')
    readdir.mockImplementationOnce((path) => {
      readdir.mockRestore()
      syncBuiltinESMExports()
      const names = fs.readdirSync(path)
      fs.copyFileSync(log, join(location, '999999.log'))
      fs.rmSync(log)
      return names as never
    })
    syncBuiltinESMExports()
    expect(presence.check(true)).toBeNull()
    fs.rmSync(join(location, '999999.log'))
    expect(presence.check(true)).toMatch(/999999\.log is no longer there/)
  })

  it('names the directory where that is taken away while it looks for the files', async () => {
    const { location } = await openedTwice()
    const presence = new Presence(location)
    const readdir = vi.spyOn(fs, 'readdirSync')
    readdir.mockImplementationOnce(() => {
      readdir.mockRestore()
      syncBuiltinESMExports()
      fs.rmSync(location, { recursive: true })
      return []
    })
    syncBuiltinESMExports()
    expect(presence.check(true)).toBe(`${location} is no longer there`)
  })

  describe('soon after another', () => {
    it('looks for no tables, of which there may be thousands', async () => {
      const { location, pathOf } = await openedTwice()
      let nowMs = Date.now() + 10_000
      const presence = new Presence(location, undefined, () => nowMs)
      expect(presence.check()).toBeNull()
      await rm(await pathOf(/\.ldb$/))
      nowMs += 99
      expect(presence.check()).toBeNull()
      nowMs++
      expect(presence.check()).toMatch(/\.ldb is no longer there/)
    })

    it.each([/\.log$/, /^MANIFEST-/, /^CURRENT$/, /^LOCK$/])(
      'sees that what a commit rests on is gone (%s)',
      async (name) => {
        const { location, pathOf } = await openedTwice()
        const presence = new Presence(location, undefined, () => 1e15)
        expect(presence.check()).toBeNull()
        await rm(await pathOf(name))
        expect(presence.check()).toMatch(/is no longer there/)
      },
    )

    it('follows LevelDB to another log', async () => {
      const { location, pathOf } = await openedTwice()
      const presence = new Presence(location, undefined, () => 1e15)
      expect(presence.check()).toBeNull()
      const log = await pathOf(/\.log$/)
      await copyFile(log, join(location, '999999.log'))
      await rm(log)
      expect(presence.check()).toBeNull()
      await rm(join(location, '999999.log'))
      expect(presence.check()).toMatch(/999999\.log is no longer there/)
    })
  })
})

import {
  copyFile,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  rmdir,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Presence } from '../../../../src/stores/level/presence.js'
import { LevelStore } from '../../../../src/stores/level/store.js'
import { FileVerifier } from '../../../../src/stores/level/watch.js'
import { fillStore } from '../../../support/care.js'
import { temporaryDirectory } from '../../../support/process.js'
import { commandSession, EPOCHS, insert } from '../../../support/store-sessions.js'

/** An open store, with a table where it is opened twice. */
async function openStore() {
  const location = join(await temporaryDirectory(onTestFinished), 'store')
  await fillStore(location)
  const damages: string[] = []
  const store = await LevelStore.open(location, {
    ...{ epochs: EPOCHS, sync: false },
    onDamage: (problem) => damages.push(problem),
  })
  onTestFinished(() => store.close())
  const pathOf = async (end: string | RegExp) => {
    const names = (await readdir(location)).filter((name) => name.match(end))
    return join(location, names.at(-1) ?? '')
  }
  return { location, store, damages, pathOf }
}

describe('a look at the files', () => {
  it.each([/\.log$/, /^MANIFEST-/])(
    'notices that one is replaced under its name (%s)',
    async (end) => {
      const { location, pathOf } = await openStore()
      const presence = new Presence(location)
      expect(presence.check()).toBeNull()
      const path = await pathOf(end)
      await copyFile(path, join(location, 'copy'))
      await rename(join(location, 'copy'), path)
      expect(presence.check(true)).toMatch(/is no longer there/)
    },
  )

  it('says nothing where the system does not say whether they are there, once, and looks again', async () => {
    const { location } = await openStore()
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
    const { location, pathOf } = await openStore()
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
    const { location, pathOf } = await openStore()
    const presence = new Presence(location, undefined, () => Date.now() + 10_000)
    await utimes(location, 1_000, 1_000)
    expect(presence.check()).toBeNull()
    await rm(await pathOf(/\.log$/))
    await utimes(location, 1_000, 1_000)
    expect(presence.check()).toBeNull()
    expect(presence.check(true)).toMatch(/\.log is no longer there/)
  })
})

describe('the files of a store that is served', () => {
  it('are told of, each damage once, and what cannot be read is read again', async () => {
    const { location, pathOf } = await openStore()
    const table = await pathOf(/\.ldb$/)
    const told: string[] = []
    const watch = new FileVerifier(location, ({ file, problem }) =>
      told.push(`${file}: ${problem}`),
    )
    await rename(table, `${table}.kept`)
    await mkdir(table)
    const goesOn = async () => true
    await watch.verify(goesOn)
    await watch.verify(goesOn)
    expect(told).toEqual([expect.stringMatching(/\.ldb: .*EISDIR/)])
    await rmdir(table)
    const bytes = await readFile(`${table}.kept`)
    bytes[3] = (bytes[3] as number) ^ 1
    await writeFile(table, bytes)
    const manifest = await pathOf(/^MANIFEST-/)
    const edits = await readFile(manifest)
    edits[10] = (edits[10] as number) ^ 1
    await watch.verify(goesOn)
    expect(told.slice(1)).toEqual([expect.stringMatching(/\.ldb: .*checksum/)])
    await writeFile(manifest, edits)
    await watch.verify(goesOn)
    expect(told.slice(2)).toEqual([expect.stringMatching(/^MANIFEST-.*checksum/)])
  })
})

it('is not reopened where its log is damaged, and takes no more writes', async () => {
  const { store, damages, pathOf, location } = await openStore()
  await insert(store, commandSession('kept', {}))
  const log = await pathOf(/\.log$/)
  const bytes = await readFile(log)
  bytes[40] = (bytes[40] as number) ^ 1
  await writeFile(log, bytes)
  const { database, writer } = (
    store as unknown as {
      parts: { database: { commit(): Promise<void> }; writer: { recovering: Promise<void> } }
    }
  ).parts
  const commit = database.commit
  database.commit = () => Promise.reject(new Error('disk full'))
  await expect(insert(store, commandSession('lost', {}))).rejects.toMatchObject({
    code: 'STORE_UNAVAILABLE',
  })
  database.commit = commit
  await writer.recovering
  expect(damages).toEqual([expect.stringMatching(/\.log: a record fails its checksum/)])
  await expect(insert(store, commandSession('later', {}))).rejects.toMatchObject({
    code: 'STORE_DAMAGED',
  })
  expect(await store.get('kept')).toBeDefined()
  expect(await readFile(log)).toEqual(bytes)
  expect(await readdir(location)).toContain('CURRENT')
})

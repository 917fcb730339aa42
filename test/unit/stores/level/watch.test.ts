import { mkdir, readdir, readFile, rename, rmdir, writeFile } from 'node:fs/promises'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { FileVerifier } from '../../../../src/stores/level/watch.js'
import { filledStore, openedTwice, openStore } from '../../../support/damage.js'

describe('the files of a store that is served', () => {
  it('are told of, each damage once, and what cannot be read is read again', async () => {
    const { location, pathOf } = await openedTwice()
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

  it('are not remembered once LevelDB has deleted them', async () => {
    const { location, store } = await openedTwice()
    const tables = async () =>
      new Set((await readdir(location)).filter((name) => name.endsWith('.ldb')))
    const watch = new FileVerifier(location, ({ problem }) => expect.unreachable(problem))
    await watch.verify(async () => true)
    const before = await tables()
    expect(watch.verified).toEqual(before)
    await store.compactSeals()
    await watch.verify(async () => true)
    expect(watch.verified).toEqual(await tables())
    expect(watch.verified).not.toEqual(before)
  })

  it.each(['the manifest', 'a table'])(
    'are not damaged where they are taken away before %s is read',
    async (when) => {
      const { location } = await openedTwice()
      const onDamage = vi.fn()
      const watch = new FileVerifier(location, onDamage)
      let isTaken = false
      const takeAway = async () => {
        await rename(location, `${location}.away`)
        isTaken = true
      }
      if (when === 'the manifest') {
        await takeAway()
      }
      await watch.verify(async () => {
        if (isTaken) {
          return false
        }
        await takeAway()
        return true
      })
      expect(onDamage).not.toHaveBeenCalled()
      expect(watch.isDamaged).toBe(false)
      await rename(`${location}.away`, location)
    },
  )
})

it('tells its server once that the files were taken away, and that they are for good', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  onTestFinished(() => void vi.useRealTimers())
  const location = await filledStore()
  const reasons: string[] = []
  const store = await openStore(location, { onLost: (reason) => reasons.push(reason) })
  let losses = 0
  store.watch(() => losses++)
  vi.advanceTimersByTime(3_000)
  expect([losses, store.isWritable, store.health()]).toEqual([
    ...[0, true],
    { isLost: false, findings: [] },
  ])
  await rename(location, `${location}.away`)
  vi.advanceTimersByTime(1_000)
  expect([losses, store.isWritable]).toEqual([1, false])
  await rename(`${location}.away`, location)
  vi.advanceTimersByTime(3_000)
  expect(losses).toBe(1)
  expect(reasons).toEqual([`${location} is no longer there`])
  expect(store.health()).toEqual({
    isLost: true,
    findings: [expect.stringMatching(/taken away/)],
  })
})

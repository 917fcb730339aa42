import { randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { StoreUnavailableError } from '../../../../../src/core/errors.js'
import { Database } from '../../../../../src/stores/level/database.js'
import { LevelStore } from '../../../../../src/stores/level/store.js'
import { Observed } from '../../../../support/level-engine.js'
import { temporaryDirectory } from '../../../../support/process.js'
import {
  commandSession,
  EPOCHS,
  ended,
  insert,
  tokenSession,
} from '../../../../support/store-sessions.js'

describe('compacting seals', () => {
  it('leaves no byte of a deleted or replaced seal in the files, and every other seal where it was', async () => {
    const location = await temporaryDirectory(onTestFinished)
    const store = await LevelStore.open(location, { epochs: EPOCHS })
    onTestFinished(() => store.close())
    const seals = Array.from({ length: 50 }, () => randomBytes(80))
    const open = (i: number) =>
      store.insert({ userId: 'alice', countOpenOfUser: false }, () => ({
        insert: { session: tokenSession(`session ${i}`), seal: seals[i] as Buffer },
      }))
    const end = (i: number) =>
      store.update(`session ${i}`, (session) => ({ session: ended(session) }))
    await Promise.all(seals.map((_, i) => open(i)))
    await Promise.all(seals.slice(0, 20).map((_, i) => end(i)))
    expect(await found(location, seals)).toEqual(seals.map((_, i) => i))

    await store.compactSeals()
    expect(await found(location, seals)).toEqual(seals.map((_, i) => i).slice(20))

    await Promise.all(seals.slice(20, 40).map((_, i) => end(20 + i)))
    await store.compactSeals()
    expect(await found(location, seals)).toEqual(seals.map((_, i) => i).slice(40))
    expect(await store.seal('session 45')).toEqual(Uint8Array.from(seals[45] as Buffer))

    const replaced = randomBytes(80)
    await store.reseal('session 45', () => replaced)
    await store.compactSeals()
    expect(await found(location, [...seals, replaced])).toEqual(
      [...seals.keys(), seals.length].filter((i) => i >= 40 && i !== 45),
    )
  })

  it('leaves none either of what was deleted before a restart, or while it failed', async () => {
    const location = await temporaryDirectory(onTestFinished)
    const seal = randomBytes(80)
    const before = await LevelStore.open(location, { epochs: EPOCHS })
    await before.insert({ userId: 'alice', countOpenOfUser: false }, () => ({
      insert: { session: tokenSession('a'), seal },
    }))
    await before.remove('a', () => true)
    await before.close()

    const database = new Database(location)
    const store = await LevelStore.over(database, { epochs: EPOCHS })
    onTestFinished(() => store.close())
    expect(await found(location, [seal])).toEqual([0])
    vi.spyOn(database, 'compact').mockRejectedValueOnce(new Error('no room'))
    await expect(store.compactSeals()).rejects.toThrow('no room')
    await store.compactSeals()
    expect(await found(location, [seal])).toEqual([])
  })

  it('leaves none of what a commit deleted that failed, yet had reached the disk', async () => {
    const location = await temporaryDirectory(onTestFinished)
    const observed = new Observed(location)
    const onRecovery = vi.fn()
    const store = await LevelStore.over(observed.database, { epochs: EPOCHS, onRecovery })
    onTestFinished(() => store.close())
    const seal = randomBytes(80)
    await store.insert({ userId: 'alice', countOpenOfUser: false }, () => ({
      insert: { session: tokenSession('a'), seal },
    }))
    await store.compactSeals()
    observed.onWrite = async (write) => {
      observed.onWrite = (write) => write()
      await write()
      throw new Error('too late')
    }
    await expect(store.remove('a', () => true)).rejects.toThrow(StoreUnavailableError)
    await expect.poll(() => onRecovery.mock.calls).toHaveLength(1)
    expect(await store.get('a')).toBeUndefined()
    expect(await found(location, [seal])).toEqual([0])
    await store.compactSeals()
    expect(await found(location, [seal])).toEqual([])
  })

  it('goes through the files only where a seal was dropped since the last time', async () => {
    const observed = new Observed(await temporaryDirectory(onTestFinished))
    const store = await LevelStore.over(observed.database, { epochs: EPOCHS })
    onTestFinished(() => store.close())
    let compactions = 0
    observed.onCompact = async () => {
      compactions++
    }
    await store.compactSeals()
    expect(compactions).toBe(2)
    await store.compactSeals()
    expect(compactions).toBe(2)
  })

  it('waits for one that is under way, and does again what that could not', async () => {
    const observed = new Observed(await temporaryDirectory(onTestFinished))
    const store = await LevelStore.over(observed.database, { epochs: EPOCHS })
    onTestFinished(() => store.close())
    let compactions = 0
    let fail = () => {}
    observed.onCompact = async () => {
      compactions++
      if (compactions === 1) {
        await new Promise<void>((_, reject) => {
          fail = () => reject(new Error('no room'))
        })
      }
    }
    const failing = store.compactSeals()
    let isDone = false
    const other = store.compactSeals().then(() => {
      isDone = true
    })
    await setImmediate()
    const meanwhile = { compactions, isDone }
    fail()
    await expect(failing).rejects.toThrow('no room')
    await other
    expect(meanwhile).toEqual({ compactions: 1, isDone: false })
    expect(compactions).toBe(3)
  })

  // LevelDB appends to a log that ends within a record, and cannot read what it acknowledged behind that.
  describe('writes to no database in which a write failed', () => {
    it('where another write fails while it goes through the files', async () => {
      const observed = new Observed(await temporaryDirectory(onTestFinished))
      const onRecovery = vi.fn()
      const store = await LevelStore.over(observed.database, { epochs: EPOCHS, onRecovery })
      onTestFinished(() => store.close())
      observed.onCompact = async () => {
        observed.onCompact = async () => {}
        observed.writes.length = 0
        observed.onWrite = async () => {
          throw new Error('no room')
        }
        await expect(insert(store, commandSession('a'))).rejects.toThrow(StoreUnavailableError)
      }
      await expect(store.compactSeals()).rejects.toThrow(StoreUnavailableError)
      expect(observed.writes).toHaveLength(1)
      observed.onWrite = (write) => write()
      await expect.poll(() => onRecovery.mock.calls).toHaveLength(1)
      await store.compactSeals()
    })

    it('nor lets others do so where its own fails', async () => {
      const observed = new Observed(await temporaryDirectory(onTestFinished))
      const onRecovery = vi.fn()
      const store = await LevelStore.over(observed.database, { epochs: EPOCHS, onRecovery })
      onTestFinished(() => store.close())
      observed.writes.length = 0
      observed.onWrite = async () => {
        observed.onWrite = (write) => write()
        throw new Error('no room')
      }
      await expect(store.compactSeals()).rejects.toThrow(StoreUnavailableError)
      await expect(insert(store, commandSession('a'))).rejects.toThrow(StoreUnavailableError)
      expect(observed.writes).toHaveLength(1)
      await expect.poll(() => onRecovery.mock.calls).toHaveLength(1)
      expect(observed.closes).toBe(1)
      await insert(store, commandSession('a'))
    })
  })
})

/** Which of these left bytes in a file of the directory: LevelDB's compression may cut one in two. */
async function found(location: string, seals: readonly Buffer[]): Promise<number[]> {
  const names = await readdir(location)
  const files = await Promise.all(names.map((name) => readFile(join(location, name))))
  const isFound = (piece: Buffer) => files.some((file) => file.includes(piece))
  return seals.flatMap((seal, i) => {
    const pieces = Array.from({ length: 8 }, (_, n) => seal.subarray(10 * n, 10 * n + 10))
    return pieces.some(isFound) ? [i] : []
  })
}

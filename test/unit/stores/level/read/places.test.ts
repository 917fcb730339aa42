import fc from 'fast-check'
import { expect, it, onTestFinished } from 'vitest'
import type { SessionStore } from '../../../../../src/core/store.js'
import type { ListQuery } from '../../../../../src/core/store-lists.js'
import { LevelStore } from '../../../../../src/stores/level/store.js'
import { Observed } from '../../../../support/level-engine.js'
import { MemoryStore } from '../../../../support/memory-store.js'
import { temporaryDirectory } from '../../../../support/process.js'
import { commandSession, EPOCHS, ended, insert } from '../../../../support/store-sessions.js'

const PAGE: ListQuery = { skip: 20, take: 10, total: false }

async function openStore() {
  const observed = new Observed(await temporaryDirectory(onTestFinished))
  const store = await LevelStore.over(observed.database, { epochs: EPOCHS, sync: false })
  onTestFinished(() => store.close())
  return { observed, store }
}

/** The id of an open session of the store, and its time. */
function open(store: SessionStore, id: string, requestTimeMs: number) {
  return insert(store, commandSession(id, { userId: 'alice', requestTimeMs }))
}

it.each([
  ['nothing changed', 0, 10],
  ['5 newer sessions were opened since', 5, 15],
  ['12 newer sessions were opened since', 12, 12],
])('a page that was listed before costs the keys around it: %s', async (_, newer, keys) => {
  const { observed, store } = await openStore()
  for (let i = 0; i < 50; i++) {
    await open(store, `${i}`, 1000 + i)
  }
  await store.list({ ...PAGE, active: true })
  for (let i = 0; i < newer; i++) {
    await open(store, `newer ${i}`, 2000 + i)
  }
  observed.walks.length = 0
  const { sessions } = await store.list({ ...PAGE, active: true })
  expect(sessions.map(({ id }) => id)).toEqual(
    Array.from({ length: 10 }, (_, i) => `${29 + newer - i}`),
  )
  expect(observed.walks.reduce((sum, read) => sum + read, 0)).toBeLessThanOrEqual(keys)
})

it.each([
  ['shows already', true],
  ['does not show yet', false],
])('a page is right while a commit is under way that its snapshot %s', async (_, isWritten) => {
  const { observed, store } = await openStore()
  for (let i = 0; i < 50; i++) {
    await open(store, `${i}`, 1000 + i)
  }
  const page = async () => {
    const { sessions } = await store.list({ ...PAGE, active: true })
    return sessions.map(({ id }) => id)
  }
  const shifted = (by: number) => Array.from({ length: 10 }, (_, i) => `${29 + by - i}`)
  expect(await page()).toEqual(shifted(0))

  let release = () => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  const held = new Promise<void>((resolve) => {
    observed.onWrite = async (write) => {
      await (isWritten ? write() : undefined)
      resolve()
      await released
      await (isWritten ? undefined : write())
    }
  })
  onTestFinished(release)
  const opened = ['bob', 'carol', 'dave'].map((userId) =>
    insert(store, commandSession(userId, { userId, requestTimeMs: 2000 })),
  )
  await held
  expect(await page()).toEqual(shifted(isWritten ? 3 : 0))
  release()
  await Promise.all(opened)
  expect(await page()).toEqual(shifted(3))
})

it('a page is found anew after more changes than are remembered', async () => {
  const { observed, store } = await openStore()
  for (let i = 0; i < 50; i++) {
    await open(store, `${i}`, 1000 + i)
  }
  await store.list({ ...PAGE, active: true })
  await Promise.all(Array.from({ length: 1100 }, (_, i) => open(store, `old ${i}`, i % 900)))
  observed.walks.length = 0
  const { sessions } = await store.list({ ...PAGE, active: true })
  expect(sessions.map(({ id }) => id)).toEqual(Array.from({ length: 10 }, (_, i) => `${29 - i}`))
  expect(observed.walks).toEqual([30])
})

it('the page behind one that was listed costs its own keys, and one more', async () => {
  const { observed, store } = await openStore()
  for (let i = 0; i < 50; i++) {
    await open(store, `${i}`, 1000 + i)
  }
  await store.list({ ...PAGE, active: true })
  observed.walks.length = 0
  const { sessions } = await store.list({ ...PAGE, skip: 30, active: true })
  expect(sessions.map(({ id }) => id)).toEqual(Array.from({ length: 10 }, (_, i) => `${19 - i}`))
  expect(observed.walks).toEqual([11])
})

it('a total is counted without reading keys', async () => {
  const { observed, store } = await openStore()
  for (let i = 0; i < 50; i++) {
    await open(store, `${i}`, 1000 + i)
  }
  observed.walks.length = 0
  const page = await store.list({ userId: 'alice', skip: 0, take: 10, total: true })
  expect(page).toMatchObject({ total: 50, sessions: { length: 10 } })
  expect(observed.walks).toEqual([10, 0])
})

it('pages are those of the model, whatever comes and goes between them', async () => {
  const { store } = await openStore()
  const model = new MemoryStore()
  const both = async (change: (store: SessionStore) => Promise<unknown>) => {
    await change(store)
    await change(model)
  }
  const change = fc.oneof(
    fc.record({ id: fc.nat(60), timeMs: fc.integer({ min: 1000, max: 1030 }) }),
    fc.record({ id: fc.nat(60), ends: fc.boolean() }),
  )
  const query = fc.record({
    skip: fc.integer({ min: 0, max: 12 }),
    take: fc.integer({ min: 0, max: 6 }),
    active: fc.constantFrom(true, false, undefined),
    userId: fc.constantFrom('alice', undefined),
    fromTimeMs: fc.constantFrom(1010, undefined),
    total: fc.boolean(),
  })
  const steps = fc.array(fc.tuple(fc.array(change, { maxLength: 8 }), query), { maxLength: 20 })
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      for (const [changes, { userId, active, fromTimeMs, ...page }] of all) {
        for (const one of changes) {
          const id = `${one.id}`
          if ('timeMs' in one) {
            const exists = (await model.get(id)) !== undefined
            await both((of) => (exists ? of.remove(id, () => true) : open(of, id, one.timeMs)))
          } else {
            await both((of) =>
              one.ends
                ? of.update(id, (session) => ({ session: ended(session) }))
                : of.remove(id, () => true),
            )
          }
        }
        const wanted = {
          ...page,
          ...(userId !== undefined && { userId }),
          ...(active !== undefined && { active }),
          ...(fromTimeMs !== undefined && { fromTimeMs }),
        }
        expect(await store.list(wanted)).toEqual(await model.list(wanted))
      }
    }),
    { numRuns: 60 },
  )
}, 30_000)

import fc from 'fast-check'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { Session } from '../../../../../src/core/session.js'
import type { ListQuery } from '../../../../../src/core/store-lists.js'
import { SharedLists } from '../../../../../src/stores/level/read/shared-lists.js'
import type { View } from '../../../../../src/stores/level/read/view.js'
import { LevelStore } from '../../../../../src/stores/level/store.js'
import { Observed } from '../../../../support/level-engine.js'
import { MemoryStore } from '../../../../support/memory-store.js'
import { temporaryDirectory } from '../../../../support/process.js'
import { commandSession, EPOCHS, ended, insert } from '../../../../support/store-sessions.js'

const SESSIONS = 4000
/** More than a list walks for itself, which is 1,000, at four at once. */
const OWN_KEYS = 4 * 1001
const ALL: ListQuery = { skip: 0, take: 100, total: false }

/** Some users, many of one time, a third of them ended. */
const session = (i: number): Session => {
  const one = commandSession(`${i}`, {
    userId: `user ${i % 3 ? 0 : i % 5}`,
    requestTimeMs: 1000 + (i % 1500),
  })
  return i % 3 === 1 ? ended(one) : one
}

async function openStore(count: number, atEnd: (close: () => Promise<void>) => void) {
  const observed = new Observed(await temporaryDirectory(atEnd))
  const store = await LevelStore.over(observed.database, { epochs: EPOCHS, sync: false })
  atEnd(() => store.close())
  await Promise.all(Array.from({ length: count }, (_, i) => insert(store, session(i))))
  return { observed, store }
}

let store: LevelStore
let observed: Observed

beforeAll(async () => {
  const atEnd: (() => Promise<void>)[] = []
  ;({ store, observed } = await openStore(SESSIONS, (close) => void atEnd.unshift(close)))
  return async () => {
    for (const close of atEnd) {
      await close()
    }
  }
})

/** How many keys are walked until all are answered. */
async function keysFor(queries: ListQuery[]) {
  observed.walks.length = 0
  const pages = await Promise.all(queries.map((query) => store.list(query)))
  return { pages, keys: observed.walks.reduce((sum, keys) => sum + keys, 0) }
}

describe('lists that walk far', () => {
  const calls = (query: (i: number) => Partial<ListQuery>) =>
    Array.from({ length: 64 }, (_, i) => ({ ...ALL, ...query(i) }))

  it.each<[string, ListQuery[]]>([
    ['skip beyond the end', calls(() => ({ skip: 1e9 }))],
    ['skip, each as far as no other', calls((i) => ({ skip: 1e6 + i }))],
    ['ask for the total', calls(() => ({ total: true }))],
    [
      'ask for the total of times of their own',
      calls((i) => ({ total: true, toTimeMs: 9000 + i })),
    ],
  ])('share two walks where they %s', async (_, queries) => {
    expect((await keysFor(queries)).keys).toBeLessThanOrEqual(2 * SESSIONS + 2 * OWN_KEYS)
  })

  it.each<[string, Partial<ListQuery>]>([
    ['the total of all that are open', { active: true, total: true }],
    ['what is beyond them', { active: true, skip: 1e9 }],
  ])('are none for %s, which the store knows', async (_, query) => {
    const { pages, keys } = await keysFor([{ ...ALL, ...query }])
    expect(pages[0]?.total ?? pages[0]?.sessions.length).toBe(
      query.total ? await store.countOpen() : 0,
    )
    expect(keys).toBeLessThanOrEqual(query.total ? 100 : 0)
  })

  it('do not keep a page near the top waiting', async () => {
    const far = store.list({ ...ALL, skip: 1e9 })
    let isFarAnswered = false
    far.then(() => {
      isFarAnswered = true
    })
    let answered = 0
    observed.onRead = async () => {
      observed.onRead = async () => {}
      // The walk waits for this page in the middle of its way.
      answered = (await store.list({ ...ALL, take: 10 })).sessions.length
    }
    await far
    expect([answered, isFarAnswered]).toEqual([10, true])
  })

  it('see what was acknowledged before they were asked', async () => {
    const count = { ...ALL, userId: 'user 0', total: true }
    const { total } = await store.list(count)
    let later: Promise<unknown> | undefined
    observed.onRead = async () => {
      observed.onRead = async () => {}
      await insert(store, { ...session(1), id: 'new' })
      later = store.list(count)
    }
    expect((await store.list(count)).total).toBe(total)
    expect(await later).toMatchObject({ total: (total ?? 0) + 1 })
    await store.remove('new', () => true)
  })

  it('go on for whoever still waits, and are never begun for who left before', async () => {
    const count = { ...ALL, userId: 'user 0', total: true }
    const { total } = await store.list(count)
    const gone = AbortSignal.abort('gone')
    const leaving = new AbortController()
    observed.onRead = async () => leaving.abort('left')
    const [left, never, stayed] = await Promise.allSettled([
      store.list(count, leaving.signal),
      store.list(count, gone),
      store.list(count),
    ])
    observed.onRead = async () => {}
    expect([left, never]).toMatchObject([{ reason: 'left' }, { reason: 'gone' }])
    expect(stayed).toMatchObject({ value: { total } })
  })

  it('end with an error where the store is closed meanwhile', async () => {
    const { observed, store } = await openStore(1500, onTestFinished)
    let closed: Promise<void> | undefined
    let reads = 0
    observed.onRead = async () => {
      if (++reads === 5) {
        closed = store.close()
      }
    }
    const answers = [1e9, 2e9].map((skip) => store.list({ ...ALL, skip }))
    // All at once: which of them fails first depends on the disk.
    await Promise.all(
      answers.map((answer) => expect(answer).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })),
    )
    await closed
  })
})

describe('a walk of lists', () => {
  /** A walk over 8 slices that take so long each: how long its rests are. */
  async function restsOf(sliceMs: number, isBusy: (restMs: number) => boolean) {
    let nowMs = 0
    const rests: number[] = []
    const view: Partial<View> = {
      async *keys() {
        for (let i = 0; i < 8; i++) {
          nowMs += sliceMs
          yield []
        }
      },
      values: async () => [],
      close: async () => {},
    }
    const lists = new SharedLists(async () => view as View, undefined, {
      rest: async (restMs) => {
        rests.push(restMs)
        nowMs += restMs
        return isBusy(restMs)
      },
      nowMs: () => nowMs,
    })
    await lists.list({ ...ALL, active: false, total: true })
    return rests
  }

  it('ends once nobody waits for it any more, each caller with the reason of its own', async () => {
    const callers = [new AbortController(), new AbortController()]
    let slices = 0
    const view: Partial<View> = {
      async *keys() {
        for (;;) {
          callers[slices++ - 2]?.abort(`after ${slices} slices`)
          yield []
        }
      },
      values: async () => [],
      close: async () => {},
    }
    const lists = new SharedLists(async () => view as View)
    const query = { ...ALL, active: false, total: true }
    const reasons = callers.map(({ signal }) => lists.list(query, signal).catch((reason) => reason))
    expect(await Promise.all(reasons)).toEqual(['after 3 slices', 'after 4 slices'])
    await expect.poll(() => lists.isWalking(query)).toBe(false)
    expect(slices).toBe(4)
  })

  it('rests four times as long as it works while anything else is going on', async () => {
    expect(await restsOf(1, () => true)).toEqual(Array(8).fill(4))
  })

  it('rests a few milliseconds at most, however long a slice takes', async () => {
    expect(await restsOf(50, () => true)).toEqual(Array(8).fill(8))
  })

  it('rests shortly where it is alone, until something else is going on', async () => {
    expect(await restsOf(2, () => false)).toEqual([8, ...Array(7).fill(1)])
    let rests = 0
    expect(await restsOf(2, () => ++rests === 4)).toEqual([8, 1, 1, 1, 8, 1, 1, 1])
  })
})

describe('lists of every kind at once', () => {
  const model = new MemoryStore()

  beforeAll(async () => {
    for (let i = 0; i < SESSIONS; i++) {
      await insert(model, session(i))
    }
  })

  const time = fc.option(
    fc.oneof(fc.nat(3000), fc.constantFrom(Infinity, -Infinity, 1000, 1000.5, 2499, 2500)),
    { nil: undefined },
  )
  const query = fc.record(
    {
      userId: fc.constantFrom('user 0', 'user 3', 'nobody'),
      active: fc.boolean(),
      fromTimeMs: time,
      toTimeMs: time,
      skip: fc.oneof(fc.nat(50), fc.nat(SESSIONS + 100), fc.constant(1e9)),
      take: fc.constantFrom(0, 1, 100, 1500),
      total: fc.boolean(),
    },
    { requiredKeys: ['skip', 'take', 'total'] },
  ) as fc.Arbitrary<ListQuery>

  it('give exactly what the reference model gives', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(query, { minLength: 1, maxLength: 20 }), async (queries) => {
        const pages = await Promise.all(queries.map((query) => store.list(query)))
        for (const [i, query] of queries.entries()) {
          const { sessions, total } = await model.list(query)
          const page = pages[i]
          expect(page?.total).toBe(total)
          expect(page?.sessions.map(({ id }) => id)).toEqual(sessions.map(({ id }) => id))
        }
      }),
      // Shrinking walks on for longer than a test may take, and would hide what failed.
      { numRuns: 30, endOnFailure: true },
    )
  })
})

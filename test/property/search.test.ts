import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type SearchCursor, SessionSearch } from '../../src/core/search/search.js'
import type { SessionStore } from '../../src/core/store.js'
import { LevelStore } from '../../src/stores/level/store.js'
import { MemoryStore } from '../support/memory-store.js'
import { START_MS, sessionsAt } from '../support/sessions.js'
import { commandSession, EPOCHS, ended, insert } from '../support/store-sessions.js'

const RUNS = process.env.SESSIOND_TEST_LONG === undefined ? 60 : 2000
const MOST = 40
/** Fewer than there are sessions, so that searches stop and go on. */
const MAX_LOOKS = 7
const AGE_MS = 10_000

const change = fc.record({
  what: fc.constantFrom('touch', 'touch', 'close', 'delete', 'open', 'nothing'),
  which: fc.nat(MOST),
  passedMs: fc.nat(2),
})
const search = fc.record({
  count: fc.integer({ min: 1, max: MOST }),
  /** Often several have the same time. */
  agesMs: fc.array(fc.nat(5), { minLength: MOST, maxLength: MOST }),
  sort: fc.constantFrom('request', 'request', 'opened', 'ended'),
  oldestFirst: fc.boolean(),
  limit: fc.integer({ min: 1, max: 10 }),
  isOfUser: fc.boolean(),
  /** Before each part that is read. */
  changes: fc.array(fc.array(change, { maxLength: 3 }), { maxLength: 60 }),
})

type Plan = typeof search extends fc.Arbitrary<infer T> ? T : never

async function missesNothing(store: SessionStore, plan: Plan): Promise<void> {
  const { count, agesMs, sort, oldestFirst, limit, isOfUser, changes } = plan
  const { ports, time } = sessionsAt({ idleTimeoutMs: 0 }, store)
  const there = new Set<string>()
  let opened = 0
  const open = async (requestTimeMs: number) => {
    const id = `${opened++}`
    const userId = opened % 3 === 0 ? 'bob' : 'alice'
    const times = { openTimeMs: requestTimeMs - (agesMs[opened % MOST] ?? 0), requestTimeMs }
    await insert(store, commandSession(id, { ...times, userId }))
    return { id, userId }
  }
  for (let i = 0; i < count; i++) {
    const { id, userId } = await open(START_MS - AGE_MS + (agesMs[i] ?? 0))
    if (!isOfUser || userId === 'bob') {
      there.add(id)
    }
  }
  const plannedChanges = changes[Symbol.iterator]()
  const meanwhile = async () => {
    for (const { what, which, passedMs } of plannedChanges.next().value ?? []) {
      time.nowMs += passedMs
      const id = `${which % opened}`
      if (what === 'open') {
        await open(time.nowMs)
      } else if (what === 'delete') {
        there.delete(id)
        await store.remove(id, () => true)
      } else if (what !== 'nothing') {
        const { nowMs } = time
        await store.update(id, (session) => ({
          session: what === 'close' ? ended(session, nowMs) : { ...session, requestTimeMs: nowMs },
        }))
      }
    }
  }
  const busy: SessionStore = Object.create(store, {
    listAfter: {
      value: async (query: Parameters<SessionStore['listAfter']>[0]) => {
        await meanwhile()
        return store.listAfter(query)
      },
    },
  })
  const searching = new SessionSearch({ ...ports, store: busy }, MAX_LOOKS)
  const found = new Set<string>()
  let cursor: SearchCursor | null = null
  do {
    const page = await searching.page({
      ...{ filter: isOfUser ? { user: 'bob' } : {}, sort, oldestFirst, limit },
      ...(cursor && { cursor }),
    })
    expect(page.sessions.length).toBeLessThanOrEqual(limit)
    for (const { id, userId } of page.sessions) {
      expect(isOfUser ? userId : 'bob').toBe('bob')
      found.add(id)
    }
    cursor = page.next
  } while (cursor !== null)
  expect([...there].filter((id) => !found.has(id))).toEqual([])
}

describe('a search finds every session that is there from its beginning to its end', () => {
  it('in memory', async () => {
    await fc.assert(
      fc.asyncProperty(search, (plan) => missesNothing(new MemoryStore(), plan)),
      { numRuns: 4 * RUNS },
    )
  })

  it('on LevelDB', async () => {
    await fc.assert(
      fc.asyncProperty(search, async (plan) => {
        const location = await mkdtemp(join(tmpdir(), 'sessiond-'))
        const store = await LevelStore.open(location, { epochs: EPOCHS, sync: false })
        try {
          await missesNothing(store, plan)
        } finally {
          await store.close()
          await rm(location, { recursive: true })
        }
      }),
      { numRuns: RUNS },
    )
  }, 120_000)
})

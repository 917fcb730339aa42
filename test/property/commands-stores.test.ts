import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { SessionChange } from '../../src/core/events.js'
import type { SessionStore } from '../../src/core/store.js'
import { LevelStore } from '../../src/stores/level/store.js'
import { auditLevel } from '../support/level-audit.js'
import { temporaryDirectory } from '../support/process.js'
import { CALLER, claimAt, HOUR_MS, START_MS, sessionsAt } from '../support/sessions.js'
import { EPOCHS } from '../support/store-sessions.js'
import { auditValkey } from '../support/valkey-audit.js'
import { haveValkey, startValkey } from '../support/valkey-cluster.js'
import { openValkeyStore } from '../support/valkey-store.js'

const LONG = process.env.SESSIOND_TEST_LONG !== undefined
const RUNS = LONG ? 2000 : 100
const BROWSER = { userId: 'u1', address: '192.0.2.1', client: 'browser' }

/** An empty store, and what is wrong with its rows once it is closed. */
interface Kept {
  readonly store: SessionStore
  audit(): Promise<readonly string[]>
}

async function emptyLevel(): Promise<Kept> {
  const location = await temporaryDirectory(onTestFinished)
  const store = await LevelStore.open(location, { epochs: EPOCHS })
  onTestFinished(() => store.close())
  return { store, audit: () => auditLevel(location) }
}

async function emptyValkey(): Promise<Kept> {
  const { address } = await startValkey(onTestFinished)
  const store = await openValkeyStore(address)
  onTestFinished(() => store.close())
  return { store, audit: () => auditValkey(address) }
}

describe.each([
  { name: 'LevelDB', empty: emptyLevel },
  ...(haveValkey() ? [{ name: 'Valkey', empty: emptyValkey }] : []),
])('the commands on $name', ({ empty }) => {
  // Ten thousand commits, one after another.
  it('open one session for 200 calls at once, 50 times over', { timeout: 120_000 }, async () => {
    const { store } = await empty()
    const { sessions } = sessionsAt({}, store)
    for (let round = 0; round < 50; round++) {
      const args = { ...BROWSER, userId: `u${round}` }
      const opened = await Promise.all(
        Array.from({ length: 200 }, (_, i) => sessions.open({ ...args, data: `${i}` })),
      )
      expect(new Set(opened.map(({ id }) => id)).size).toBe(1)
    }
    expect(await store.countOpen()).toBe(50)
  })

  it('lose no acknowledged write to one another or to the sweep, and leave indexes that agree', {
    timeout: 600_000,
  }, async () => {
    type Step = 'store' | 'update' | 'load' | 'close' | 'sweep' | 'open' | 'delete'
    const step = fc.constantFrom<Step>(
      'store',
      'store',
      'update',
      'load',
      'close',
      'sweep',
      'open',
      'delete',
    )
    const bursts = fc.array(
      fc.record({
        steps: fc.array(step, { minLength: 1, maxLength: 12 }),
        passedMs: fc.constantFrom(0, 1500, HOUR_MS - 1, HOUR_MS),
      }),
      { minLength: 1, maxLength: 6 },
    )
    const { store, audit } = await empty()
    const changes: SessionChange[] = []
    store.subscribe((change) => changes.push(change))
    let written = 0

    await fc.assert(
      fc.asyncProperty(bursts, fc.boolean(), async (plan, isToken) => {
        const { create, sessions, time } = sessionsAt({}, store)
        changes.length = 0
        const { id } = isToken
          ? await create(claimAt(START_MS, 5 * 3600))
          : await sessions.open({ ...BROWSER, client: `c${written++}` })
        const acknowledged: string[] = []
        const note = (text: string) => acknowledged.push(text)
        const run = async (name: Step) => {
          const value = `${written++}`
          switch (name) {
            case 'store':
              return sessions.storeData(id, value).then(() => note(`data ${value}`))
            case 'update':
              return sessions.updateUser(id, value).then(() => note(`user ${value}`))
            case 'load':
              return sessions.load('u1', id)
            case 'close':
              return sessions.close(id, CALLER)
            case 'sweep':
              return sessions.closeExpired()
            case 'open':
              return sessions.open(BROWSER)
            case 'delete':
              return sessions.delete(id, {}, CALLER)
          }
        }
        for (const { steps, passedMs } of plan) {
          await Promise.allSettled(steps.map(run))
          time.nowMs += passedMs
        }
        // The changes are the commits in their order: each begins where the one before it ended, so
        // none was overwritten unseen, and each acknowledged write is one of them.
        const own = changes.filter(({ before, after }) => (after ?? before)?.id === id)
        own.forEach(({ before }, i) => {
          expect(before).toEqual(i === 0 ? null : own[i - 1]?.after)
        })
        const committed = new Set(
          own.flatMap(({ after }) => [`data ${after?.data}`, `user ${after?.user}`]),
        )
        expect(acknowledged.filter((write) => !committed.has(write))).toEqual([])
        expect((await store.get(id)) ?? null).toEqual(own.at(-1)?.after)
      }),
      { numRuns: RUNS },
    )
    await store.close()
    expect(await audit()).toEqual([])
  })
})

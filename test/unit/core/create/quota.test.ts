import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { LevelStore } from '../../../../src/stores/level/store.js'
import { Observed } from '../../../support/level-engine.js'
import { temporaryDirectory } from '../../../support/process.js'
import { claimAt, HOUR_MS, type Limits, START_MS, sessionsAt } from '../../../support/sessions.js'
import { EPOCHS } from '../../../support/store-sessions.js'

const CALLS = 64
const QUOTA = 150

/** A store with as many open sessions of one user as may be, opened before this start. */
async function startFull(limits: Partial<Limits>) {
  const observed = new Observed(await temporaryDirectory(onTestFinished))
  const store = await LevelStore.over(observed.database, { epochs: EPOCHS })
  onTestFinished(() => store.close())
  const open = async ({ sessions }: ReturnType<typeof sessionsAt>, from: number, to: number) => {
    for (let i = from; i < to; i++) {
      await sessions.open({ userId: 'u', address: 'a', client: `${i}` })
    }
  }
  const before = sessionsAt({ idleTimeoutMs: 24 * HOUR_MS }, store)
  await open(before, 0, 50)
  before.time.nowMs += HOUR_MS
  await open(before, 50, QUOTA)
  const { sessions, create, time } = sessionsAt(limits, store)
  time.nowMs = before.time.nowMs
  /** How much was read and written for so many calls at once, and how many of them were refused. */
  const costOf = async (call: (i: number) => Promise<unknown>) => {
    observed.walks.length = 0
    observed.recordsRead = 0
    observed.writes.length = 0
    const outcomes = await Promise.allSettled(Array.from({ length: CALLS }, (_, i) => call(i)))
    return {
      refused: outcomes.filter(({ status }) => status === 'rejected').length,
      keys: observed.walks.reduce((sum, keys) => sum + keys, 0),
      records: observed.recordsRead,
      writes: observed.writes.length,
    }
  }
  const openMore = (i: number) => sessions.open({ userId: 'u', address: 'a', client: `more ${i}` })
  return { store, time, sessions, create, costOf, openMore }
}

describe.each<[string, Partial<Limits>]>([
  ['of a user', { maxSessionsPerOwner: QUOTA }],
  ['of the server', { maxSessions: QUOTA }],
])('calls that the quota %s refuses', (_, quota) => {
  it('look through the sessions of earlier starts once, however many come at once', async () => {
    const { costOf, openMore } = await startFull({ idleTimeoutMs: 2 * HOUR_MS, ...quota })
    expect(await costOf(openMore)).toMatchObject({ refused: CALLS, records: QUOTA })
    expect(await costOf(openMore)).toEqual({ refused: CALLS, keys: 0, records: 0, writes: 0 })
  })

  it('find that shorter settings have ended some, though no sweep came', async () => {
    const { costOf, openMore } = await startFull({ idleTimeoutMs: HOUR_MS, ...quota })
    expect(await costOf(openMore)).toMatchObject({ refused: CALLS - 50, records: QUOTA })
  })

  it('find room again from the moment at which one is over, without looking through all', async () => {
    const { costOf, openMore, time } = await startFull({ idleTimeoutMs: 2 * HOUR_MS, ...quota })
    await costOf(openMore)
    time.nowMs += HOUR_MS - 1
    expect(await costOf(openMore)).toMatchObject({ refused: CALLS, records: 0 })
    time.nowMs += 1
    expect(await costOf(openMore)).toMatchObject({ refused: CALLS - 50, records: 0 })
  })

  it('look through nothing for an owner who asks for a token session', async () => {
    const { costOf, create } = await startFull({ idleTimeoutMs: HOUR_MS, ...quota, maxSessions: 1 })
    const nowMs = START_MS + HOUR_MS
    await costOf(() => create(claimAt(nowMs, 60)))
    expect(await costOf(() => create(claimAt(nowMs, 60)))).toEqual({
      ...{ refused: CALLS, keys: 0, records: 0, writes: 0 },
    })
  })
})

it('sessions that end while calls wait are not ended anew for each call', async () => {
  const { sessions, store, time } = await startFull({ idleTimeoutMs: HOUR_MS })
  time.nowMs += HOUR_MS
  const update = vi.spyOn(store, 'update')
  const pages = await Promise.all(
    Array.from({ length: CALLS }, () => sessions.list({ userId: 'u', active: true })),
  )
  expect(pages.map((page) => page.sessions)).toEqual(pages.map(() => []))
  expect(await store.countOpen()).toBe(0)
  // Twice or more often where a call has read the page before.
  expect(update.mock.calls.length).toBeLessThan((CALLS * QUOTA) / 4)
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ClockGuard } from '../../../../src/core/endings/clock-guard.js'
import { claimAt, HOUR_MS, START_MS, sessionsAt } from '../../../support/sessions.js'

const DRIFT_MS = 300_000
const MINUTE_MS = 60_000

/** A guard over two clocks that the test moves: `pass` moves both, `set` the wall clock alone. */
function guardAt(latestKnownAtMs?: number) {
  const clocks = { wallNowMs: START_MS, monotonicNowMs: 5_000 }
  const changes: [isSuspect: boolean, offsetMs: number][] = []
  const guard = new ClockGuard({
    wallNowMs: () => clocks.wallNowMs,
    monotonicNowMs: () => clocks.monotonicNowMs,
    maxDriftMs: DRIFT_MS,
    ...(latestKnownAtMs !== undefined && { latestKnownAtMs }),
    onChange: (...change) => changes.push(change),
  })
  const pass = (ms: number) => {
    clocks.wallNowMs += ms
    clocks.monotonicNowMs += ms
  }
  const set = (byMs: number) => {
    clocks.wallNowMs += byMs
  }
  return { clocks, changes, guard, pass, set }
}

describe('the clock guard', () => {
  it.each([
    ['forward', DRIFT_MS + 1],
    ['back', -DRIFT_MS - 1],
  ])('suspects a wall clock that jumps %s, until it is back', (_, jumpMs) => {
    const { guard, changes, pass, set } = guardAt()
    expect(guard.isSuspect()).toBe(false)
    set(jumpMs)
    expect(guard.isSuspect()).toBe(true)
    pass(HOUR_MS)
    expect(guard.isSuspect()).toBe(true)
    expect(guard.offsetMs()).toBe(jumpMs)
    set(-jumpMs)
    expect(guard.isSuspect()).toBe(false)
    expect(guard.isSuspect()).toBe(false)
    expect(changes).toEqual([
      [true, jumpMs],
      [false, 0],
    ])
  })

  it('takes what the operator confirms to be right', () => {
    const { guard, changes, set } = guardAt()
    set(HOUR_MS)
    expect(guard.isSuspect()).toBe(true)
    expect(guard.confirm()).toBe(HOUR_MS)
    expect(guard.isSuspect()).toBe(false)
    expect(guard.offsetMs()).toBe(0)
    expect(changes).toEqual([
      [true, HOUR_MS],
      [false, 0],
    ])
    set(-HOUR_MS)
    expect(guard.isSuspect()).toBe(true)
  })

  it('forgives a clock that is slewed, however far that goes', () => {
    const { guard, changes, pass, set } = guardAt()
    // The most that an NTP daemon slews: 500 parts in a million.
    for (let second = 0; second < 1_000_000; second++) {
      pass(1_000)
      set(0.5)
      guard.isSuspect()
    }
    expect(changes).toEqual([])
    expect(guard.offsetMs()).toBeCloseTo(0)
  })

  it('does not take one jump after another for slewing', () => {
    const { guard, pass, set } = guardAt()
    set(DRIFT_MS)
    expect(guard.isSuspect()).toBe(false)
    pass(HOUR_MS)
    expect(guard.isSuspect()).toBe(false)
    set(DRIFT_MS)
    expect(guard.isSuspect()).toBe(true)
  })

  it('does not suspect a process that was stopped, or a server that looks seldom', () => {
    const { guard, pass } = guardAt()
    pass(30 * 24 * HOUR_MS)
    expect(guard.isSuspect()).toBe(false)
  })

  it('suspects a machine that was asleep, of which the monotonic clock knows nothing', () => {
    const { guard, set } = guardAt()
    set(8 * HOUR_MS)
    expect(guard.isSuspect()).toBe(true)
  })

  it.each([
    ['a little before', START_MS + DRIFT_MS, false],
    ['long before', START_MS + DRIFT_MS + 1, true],
    ['after', START_MS - 365 * 24 * HOUR_MS, false],
  ])('at the start, %s the latest time that is known', (_, latestKnownAtMs, isSuspect) => {
    expect(guardAt(latestKnownAtMs).guard.isSuspect()).toBe(isSuspect)
  })

  it('that began in suspicion believes a clock that is put right', () => {
    const { guard, pass, set } = guardAt(START_MS + HOUR_MS)
    expect(guard.isSuspect()).toBe(true)
    pass(MINUTE_MS)
    set(HOUR_MS)
    expect(guard.isSuspect()).toBe(false)
  })

  it('suspects exactly while the sum of what was set, less what is forgiven, is too much', () => {
    const step = fc.record({
      passMs: fc.integer({ min: 0, max: HOUR_MS }),
      setMs: fc.integer({ min: -2 * DRIFT_MS, max: 2 * DRIFT_MS }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const { guard, pass, set } = guardAt()
        let offsetMs = 0
        for (const { passMs, setMs } of steps) {
          pass(passMs)
          set(setMs)
          offsetMs += setMs
          const isSuspect = Math.abs(offsetMs) > DRIFT_MS
          expect(guard.isSuspect()).toBe(isSuspect)
          if (!isSuspect) {
            offsetMs -= Math.sign(offsetMs) * Math.min(Math.abs(offsetMs), passMs / 1000)
          }
          // What follows must not depend on how fractions are rounded.
          if (Math.abs(Math.abs(offsetMs) - DRIFT_MS) < 1) {
            return
          }
          expect(guard.offsetMs()).toBeCloseTo(offsetMs, 2)
          offsetMs = guard.offsetMs()
        }
      }),
    )
  })
})

describe('while the clock is suspect', () => {
  /** A token session and one of a command's, both past their deadline by a clock that jumped. */
  async function overdue(limits: Parameters<typeof sessionsAt>[0] = {}) {
    const at = sessionsAt(limits)
    const token = await at.create(claimAt(START_MS, 43_200))
    const ended = await at.sessions.open({ userId: 'bob', address: 'a', client: 'gone' })
    await at.sessions.close(ended.id, { name: 'test', address: '' })
    const opened = await at.sessions.open({ userId: 'bob', address: 'a', client: 'c' })
    at.time.nowMs += 24.5 * HOUR_MS
    at.time.isSuspect = true
    return { ...at, token, opened, ended }
  }
  const closeAll = (sessions: Awaited<ReturnType<typeof overdue>>['sessions']) =>
    sessions.closeExpired()

  it('nothing is ended or purged, and nobody is told that it was', async () => {
    const { sessions, store, time, token, opened, ended } = await overdue()
    await expect(closeAll(sessions)).rejects.toMatchObject({ code: 'CLOCK_SUSPECT' })
    const page = await sessions.list({ active: true, total: true })
    expect(page.total).toBe(2)
    expect(page.sessions.every(({ active }) => active)).toBe(true)
    expect(await store.get(token.id)).toMatchObject({ active: true })
    expect(await store.seal(token.id)).toBeDefined()
    expect(await store.get(opened.id)).toMatchObject({ active: true })
    expect(await store.get(ended.id)).toBeDefined()

    time.isSuspect = false
    expect(await closeAll(sessions)).toEqual({ ended: 2, purged: 1 })
    expect(await store.seal(token.id)).toBeUndefined()
  })

  it('a session past its deadline by that clock is as open as any', async () => {
    const { sessions, opened } = await overdue()
    expect(await sessions.get(opened.id)).toMatchObject({ active: true })
    expect(await sessions.load('bob', opened.id)).not.toBeNull()
    expect((await sessions.storeData(opened.id, '{"a":1}')).data).toBe('{"a":1}')
    const again = await sessions.open({ userId: 'bob', address: 'a', client: 'c' })
    expect(again.id).toBe(opened.id)
  })

  it('such sessions count against the quota', async () => {
    const { create, time } = await overdue({ maxSessionsPerOwner: 1 })
    await expect(create(claimAt(time.nowMs, 60))).rejects.toMatchObject({
      code: 'QUOTA_EXCEEDED',
    })
    time.isSuspect = false
    await expect(create(claimAt(time.nowMs, 60))).resolves.toHaveProperty('id')
  })

  it('callers close and delete as ever', async () => {
    const { sessions, store, token, opened } = await overdue()
    const caller = { name: 'test', address: '' }
    expect(await sessions.close(token.id, caller)).toMatchObject({ wasOpen: true })
    expect(await store.seal(token.id)).toBeUndefined()
    expect(await sessions.delete(opened.id, {}, caller)).not.toBeNull()
    expect(await store.get(opened.id)).toBeUndefined()
  })
})

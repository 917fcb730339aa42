import { describe, expect, it } from 'vitest'
import { Sweep } from '../../../../src/core/endings/sweep.js'
import { EpochClock } from '../../../../src/core/epoch.js'
import { StoreDamagedError, StoreUnavailableError } from '../../../../src/core/errors.js'
import type { SessionStore } from '../../../../src/core/store.js'
import { MemoryStore } from '../../../support/memory-store.js'
import {
  BROWSER,
  CALLER,
  claimAt,
  HOUR_MS,
  START_MS,
  sessionsAt,
} from '../../../support/sessions.js'

describe('the sweep', () => {
  it('ends token sessions after exp, command sessions when idle or too old, and purges both', async () => {
    const { create, sessions, expiry, time, store } = sessionsAt({ maxSessionAgeMs: 3 * HOUR_MS })
    const token = await create({ ...claimAt(START_MS, 59), idempotencyKey: 'k' })
    const idle = await sessions.open({ ...BROWSER, client: 'idle' })
    const busy = await sessions.open({ ...BROWSER, client: 'busy' })
    expect(await sessions.closeExpired()).toEqual({ ended: 0, purged: 0 })

    time.nowMs = START_MS + 60_000
    expect(await sessions.closeExpired()).toEqual({ ended: 1, purged: 0 })
    expect(await store.get(token.id)).toMatchObject({ active: false, closeTimeMs: time.nowMs })
    for (let minutes = 30; minutes < 180; minutes += 30) {
      time.nowMs = START_MS + minutes * 60_000
      await sessions.load('u1', busy.id)
      await sessions.closeExpired()
    }
    expect(await store.get(idle.id)).toMatchObject({ closeTimeMs: START_MS + HOUR_MS })
    expect(await store.get(busy.id)).toMatchObject({ active: true })
    time.nowMs = START_MS + 3 * HOUR_MS
    expect(await sessions.closeExpired()).toEqual({ ended: 1, purged: 0 })

    time.nowMs = START_MS + 27 * HOUR_MS
    expect(await sessions.closeExpired()).toEqual({ ended: 0, purged: 3 })
    expect(expiry.sweep.done).toEqual({ ended: 3, purged: 3 })
    expect(await store.due(Number.MAX_SAFE_INTEGER, 10)).toEqual([])
    expect((await sessions.list({ total: true })).total).toBe(0)
  })

  it('finds within a day what ends, or is purged, by shorter settings of a later start', async () => {
    const never = { idleTimeoutMs: 0, retentionMs: 365 * 24 * HOUR_MS }
    const { store, sessions } = sessionsAt(never)
    await sessions.open({ ...BROWSER, client: 'idle' })
    const { id } = await sessions.open({ ...BROWSER, client: 'closed' })
    await sessions.close(id, CALLER)
    const later = sessionsAt({}, store)
    later.time.nowMs += 23 * HOUR_MS
    expect(await later.sessions.closeExpired()).toEqual({ ended: 0, purged: 0 })
    later.time.nowMs += 2 * HOUR_MS
    expect(await later.sessions.closeExpired()).toEqual({ ended: 1, purged: 1 })
    later.time.nowMs += 24 * HOUR_MS
    expect(await later.sessions.closeExpired()).toEqual({ ended: 0, purged: 1 })
    expect(await store.due(Number.MAX_SAFE_INTEGER, 100)).toEqual([])
  })

  it('looks once a day at what never ends, however often it was looked at', async () => {
    const { store, sessions, time } = sessionsAt({ idleTimeoutMs: 0 })
    await sessions.open(BROWSER)
    for (let day = 1; day <= 3; day++) {
      time.nowMs += 24 * HOUR_MS + 1
      expect(await sessions.closeExpired()).toEqual({ ended: 0, purged: 0 })
      const looks = await store.due(Number.MAX_SAFE_INTEGER, 100)
      expect(looks).toMatchObject([{ timeMs: START_MS + (day + 1) * 24 * HOUR_MS }])
    }
  })

  it('keeps what was closed for the retention, counted from its closing', async () => {
    const { sessions, time, store } = sessionsAt()
    const { id } = await sessions.open(BROWSER)
    await sessions.close(id, CALLER)
    time.nowMs += 24 * HOUR_MS - 1
    await sessions.closeExpired()
    expect(await store.get(id)).toBeDefined()
    time.nowMs += 1
    expect(await sessions.closeExpired()).toEqual({ ended: 0, purged: 1 })
  })

  it('works off more than one step, and what became overdue long ago', async () => {
    const { sessions, time, store } = sessionsAt()
    await Promise.all(
      Array.from({ length: 1203 }, (_, i) => sessions.open({ ...BROWSER, client: `${i}` })),
    )
    time.nowMs += 48 * HOUR_MS
    const [one, other] = await Promise.all([sessions.closeExpired(), sessions.closeExpired()])
    expect(one).toEqual({ ended: 1203, purged: 1203 })
    expect(other).toBe(one)
    expect(await store.countOpen()).toBe(0)
    expect(await store.due(Number.MAX_SAFE_INTEGER, 10)).toEqual([])
  })
})

describe('damage in the store', () => {
  const damage = new StoreDamagedError('a row fails its checksum')

  /** Two overdue sessions in a store that refuses to change the first. */
  async function setUp(refusal: Error) {
    const store: SessionStore = new MemoryStore()
    const at = sessionsAt({}, store)
    const damaged = await at.sessions.open({ ...BROWSER, client: 'damaged' })
    const sound = await at.sessions.open({ ...BROWSER, client: 'sound' })
    const update = store.update.bind(store)
    let attempts = 0
    store.update = (id, ...rest) => {
      if (id !== damaged.id) {
        return update(id, ...rest)
      }
      attempts++
      return Promise.reject(refusal)
    }
    at.time.nowMs += 2 * HOUR_MS
    return { ...at, damaged, sound, attempts: () => attempts }
  }

  it('keeps the sweep from no other session, and is passed over from then on', async () => {
    const { sessions, store, sound, attempts } = await setUp(damage)
    expect(await sessions.closeExpired()).toEqual({ ended: 1, purged: 0 })
    expect(await store.get(sound.id)).toMatchObject({ active: false })
    expect(await sessions.closeExpired()).toEqual({ ended: 0, purged: 0 })
    expect(attempts()).toBe(1)
  })

  it('is told of once', async () => {
    const { store, time, expiry } = await setUp(damage)
    const told: string[] = []
    const clock = new EpochClock({ genesisAtMs: 0, lengthMs: 1000 }, () => time.nowMs)
    const sweep = new Sweep(store, clock, expiry.rules, expiry.ended, (problem) =>
      told.push(problem),
    )
    await sweep.drain()
    await sweep.drain()
    expect(told).toEqual([damage.message])
  })

  it('of an idempotency entry is passed over, too', async () => {
    const store = new MemoryStore()
    const { create, sessions, time } = sessionsAt({}, store)
    await create({ ...claimAt(START_MS, 60), idempotencyKey: 'k' })
    let attempts = 0
    store.settle = () => {
      attempts++
      return Promise.reject(damage)
    }
    time.nowMs += HOUR_MS
    await sessions.closeExpired()
    await sessions.closeExpired()
    expect(attempts).toBe(1)
  })

  it('is not what a store has that does not answer: that fails the sweep', async () => {
    const { sessions } = await setUp(new StoreUnavailableError('closed'))
    await expect(sessions.closeExpired()).rejects.toThrow(StoreUnavailableError)
  })
})

it('the sweep does nothing while the clock is suspect', async () => {
  const { sessions, expiry, time, store } = sessionsAt()
  const { id } = await sessions.open(BROWSER)
  time.nowMs += 2 * HOUR_MS
  time.isSuspect = true
  expect(await expiry.sweep.drain()).toEqual({ ended: 0, purged: 0 })
  expect(await store.get(id)).toMatchObject({ active: true })
})

it('the sweep leaves off between two steps when it is told to stop', async () => {
  const { sessions, time, expiry } = sessionsAt({ retentionMs: 24 * HOUR_MS })
  await Promise.all(
    Array.from({ length: 501 }, (_, i) => sessions.open({ ...BROWSER, client: `${i}` })),
  )
  time.nowMs += 2 * HOUR_MS
  expect(await expiry.sweep.drain(AbortSignal.abort())).toEqual({ ended: 500, purged: 0 })
  expect(await expiry.sweep.drain()).toEqual({ ended: 1, purged: 0 })
})

it('the sweep compacts seals once an hour, unless it is told to stop', async () => {
  const store = new MemoryStore()
  let compactions = 0
  store.compactSeals = async () => void compactions++
  const { expiry, time } = sessionsAt({}, store)
  await expiry.sweep.run()
  time.nowMs += HOUR_MS
  await expiry.sweep.run(AbortSignal.abort())
  expect(compactions).toBe(0)
  await expiry.sweep.run()
  await expiry.sweep.run()
  expect(compactions).toBe(1)
})

it('the sweep compacts seals within an hour although the clock was set back', async () => {
  const store = new MemoryStore()
  let compactions = 0
  store.compactSeals = async () => void compactions++
  const { expiry, time } = sessionsAt({}, store)
  time.nowMs -= 24 * HOUR_MS
  await expiry.sweep.run()
  time.nowMs += HOUR_MS
  await expiry.sweep.run()
  expect(compactions).toBeGreaterThan(0)
})

it('the sweep does not count a session that was deleted while it was about to end it', async () => {
  const store = new MemoryStore()
  const { sessions, expiry, time } = sessionsAt({}, store)
  const { id } = await sessions.open(BROWSER)
  time.nowMs += 2 * HOUR_MS
  const update = store.update.bind(store)
  store.update = async (...[sought, change, options]: Parameters<typeof update>) => {
    const current = await store.get(sought)
    // As a store does that then finds that it lacks a lock.
    change(current as NonNullable<typeof current>)
    await store.remove(sought, () => true)
    return update(sought, change, options)
  }
  expect(await expiry.sweep.drain()).toEqual({ ended: 0, purged: 0 })
  expect(await store.get(id)).toBeUndefined()
})

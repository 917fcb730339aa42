import { expect, it } from 'vitest'
import { EarlierSessions } from '../../../../src/core/endings/earlier-sessions.js'
import { ExpiryRules } from '../../../../src/core/endings/expiry-rules.js'
import { EpochClock } from '../../../../src/core/epoch.js'
import { StoreDamagedError, StoreUnavailableError } from '../../../../src/core/errors.js'
import type { SessionStore } from '../../../../src/core/store.js'
import { MemoryStore } from '../../../support/memory-store.js'
import { BROWSER, HOUR_MS, START_MS, sessionsAt } from '../../../support/sessions.js'

function setUp(isSuspect = () => false, store: SessionStore = new MemoryStore()) {
  const walked: string[] = []
  const walk = store.walkSessions.bind(store)
  store.walkSessions = (userId, active) => {
    walked.push(userId)
    return walk(userId, active)
  }
  const clock = new EpochClock({ genesisAtMs: 0, lengthMs: 1000 }, () => START_MS, isSuspect)
  const settings = { idleTimeoutMs: 1, maxSessionAgeMs: 0, retentionMs: 1 }
  const rules = new ExpiryRules(clock, settings)
  const damages: string[] = []
  const onDamage = (problem: string) => void damages.push(problem)
  const earlier = new EarlierSessions(store, clock, rules, async () => {}, onDamage)
  return { earlier, walked, damages }
}

it('each user is walked once, however many ask at once', async () => {
  const { earlier, walked } = setUp()
  expect(await Promise.all([earlier.end('ann'), earlier.end('ann'), earlier.end('bob')])).toEqual([
    ...[true, true, true],
  ])
  expect(await earlier.end('ann')).toBe(false)
  expect(walked).toEqual(['ann', 'bob'])
})

it('nobody is walked while the clock is suspect', async () => {
  const { earlier, walked } = setUp(() => true)
  expect(await earlier.end('ann')).toBe(false)
  expect(walked).toEqual([])
})

it('of more users than are remembered the oldest is walked again', async () => {
  const { earlier, walked } = setUp()
  const users = Array.from({ length: 65_537 }, (_, i) => `${i}`)
  for (const user of users) {
    await earlier.end(user)
  }
  expect(await earlier.end('1')).toBe(false)
  expect(await earlier.end('0')).toBe(true)
  expect(walked).toEqual([...users, '0'])
})

it('of a user at the quota overdue sessions end, and the others get a deadline by the settings of now', async () => {
  const store = new MemoryStore()
  const before = sessionsAt({ idleTimeoutMs: 0 }, store)
  const overdue = await before.sessions.open({ ...BROWSER, client: 'overdue' })
  const used = await before.sessions.open({ ...BROWSER, client: 'used' })
  before.time.nowMs += 2 * HOUR_MS
  await before.sessions.load('u1', used.id)

  const now = sessionsAt({ idleTimeoutMs: HOUR_MS, maxSessionsPerOwner: 2 }, store)
  now.time.nowMs = START_MS + 2 * HOUR_MS + 1
  const opened = await now.sessions.open({ ...BROWSER, client: 'new' })
  expect(await store.get(overdue.id)).toMatchObject({ active: false })
  expect(await store.get(used.id)).toMatchObject({ active: true })
  expect(await store.due(START_MS + 3 * HOUR_MS + 1, 10)).toMatchObject([{ id: used.id }])
  expect(await store.get(opened.id)).toMatchObject({ active: true })
})

it('damage of one session is told of, and keeps no user from the room that others leave', async () => {
  const damage = new StoreDamagedError('a row fails its checksum')
  const { earlier, damages } = setUp(() => false, await storeThatRefuses(damage))
  expect(await earlier.end('u1')).toBe(true)
  expect(damages).toEqual([damage.message])
})

it('a user is walked again where the store was not available', async () => {
  const { earlier, walked, damages } = setUp(
    () => false,
    await storeThatRefuses(new StoreUnavailableError('closed')),
  )
  await expect(earlier.end('u1')).rejects.toThrow(StoreUnavailableError)
  await expect(earlier.end('u1')).rejects.toThrow(StoreUnavailableError)
  expect([walked, damages]).toEqual([['u1', 'u1'], []])
})

/** Holds a session of `u1`, and refuses to change it. */
async function storeThatRefuses(refusal: Error): Promise<SessionStore> {
  const store: SessionStore = new MemoryStore()
  await sessionsAt({}, store).sessions.open(BROWSER)
  store.update = () => Promise.reject(refusal)
  return store
}

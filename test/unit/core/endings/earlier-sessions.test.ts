import { expect, it } from 'vitest'
import { EarlierSessions } from '../../../../src/core/endings/earlier-sessions.js'
import { ExpiryRules } from '../../../../src/core/endings/expiry-rules.js'
import { EpochClock } from '../../../../src/core/epoch.js'
import type { SessionStore } from '../../../../src/core/store.js'
import { MemoryStore } from '../../../support/memory-store.js'
import { START_MS } from '../../../support/sessions.js'

function setUp(isSuspect = () => false) {
  const store: SessionStore = new MemoryStore()
  const walked: string[] = []
  const walk = store.walkSessions.bind(store)
  store.walkSessions = (userId, active) => {
    walked.push(userId)
    return walk(userId, active)
  }
  const clock = new EpochClock({ genesisMs: 0, lengthMs: 1000 }, () => START_MS, isSuspect)
  const settings = { idleTimeoutMs: 1, maxSessionAgeMs: 0, retentionMs: 1 }
  const rules = new ExpiryRules(clock, settings)
  return {
    earlier: new EarlierSessions(store, clock, rules, async () => {}, expect.unreachable),
    walked,
  }
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

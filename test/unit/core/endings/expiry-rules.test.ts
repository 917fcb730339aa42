import { describe, expect, it } from 'vitest'
import { ExpiryRules } from '../../../../src/core/endings/expiry-rules.js'
import { EpochClock } from '../../../../src/core/epoch.js'
import { newSession, type Session } from '../../../../src/core/session.js'
import { HOUR_MS, START_MS } from '../../../support/sessions.js'

const DAY_MS = 24 * HOUR_MS
const NONE = { idleTimeoutMs: 0, maxSessionAgeMs: 0, retentionMs: DAY_MS }

function rulesAt(settings = NONE, nowMs = START_MS, isSuspect = () => false) {
  const clock = new EpochClock({ genesisAtMs: 0, lengthMs: 1000 }, () => nowMs, isSuspect)
  return new ExpiryRules(clock, settings)
}

const command = newSession({ id: 'c', userId: 'u', address: '', client: '', token: null }, START_MS)
const exp = BigInt(START_MS / 1000) + 9n
const token: Session = {
  ...command,
  token: {
    owner: new Uint8Array(32),
    lifetime: { exp, nbf: 0n, iat: 0n },
    publicKey: new Uint8Array(32),
  },
}

describe('a session ends', () => {
  it.each([
    ['never, where neither timeout is set', NONE, Number.POSITIVE_INFINITY],
    ['after the idle timeout', { ...NONE, idleTimeoutMs: HOUR_MS }, START_MS + 5 + HOUR_MS],
    ['at the greatest age', { ...NONE, maxSessionAgeMs: HOUR_MS }, START_MS + HOUR_MS],
    [
      'at whichever comes first',
      { ...NONE, idleTimeoutMs: HOUR_MS, maxSessionAgeMs: HOUR_MS },
      START_MS + HOUR_MS,
    ],
  ])('%s', (_, settings, endsAtMs) => {
    const session = { ...command, requestTimeMs: START_MS + 5 }
    expect(rulesAt(settings).endsAtMs(session)).toBe(endsAtMs)
  })

  it('after its last epoch where it is a token session, whatever the timeouts', () => {
    const settings = { ...NONE, idleTimeoutMs: 1, maxSessionAgeMs: 1 }
    expect(rulesAt(settings).endsAtMs(token)).toBe(START_MS + 10_000)
  })

  it('at its end to the millisecond, and not while the clock is suspect', () => {
    const settings = { ...NONE, maxSessionAgeMs: HOUR_MS }
    expect(rulesAt(settings, START_MS + HOUR_MS - 1).isOverdue(command)).toBe(false)
    expect(rulesAt(settings, START_MS + HOUR_MS).isOverdue(command)).toBe(true)
    expect(rulesAt(settings, START_MS + HOUR_MS, () => true).isOverdue(command)).toBe(false)
  })
})

describe('the sweep comes', () => {
  it('to an open token session at its end', () => {
    expect(rulesAt(NONE, START_MS + 5 * DAY_MS).sweepAtMs(token)).toBe(START_MS + 10_000)
  })

  it.each([
    [0, 1],
    [DAY_MS - 1, 1],
    [DAY_MS, 2],
    [3.5 * DAY_MS, 4],
  ])('to any other within a day: after %i ms, day %i after its opening', (ageMs, day) => {
    expect(rulesAt(NONE, START_MS + ageMs).sweepAtMs(command)).toBe(START_MS + day * DAY_MS)
  })

  it('sooner where it is due sooner', () => {
    const settings = { ...NONE, idleTimeoutMs: HOUR_MS }
    expect(rulesAt(settings).sweepAtMs(command)).toBe(START_MS + HOUR_MS)
  })

  it('to purge an ended session after the retention, from its closing or else its last request', () => {
    const rules = rulesAt({ ...NONE, retentionMs: 1000 })
    const ended = { ...command, active: false }
    expect(rules.dueAtMs({ ...ended, closeTimeMs: START_MS + 7 })).toBe(START_MS + 1007)
    expect(rules.dueAtMs({ ...ended, closeTimeMs: null })).toBe(START_MS + 1000)
  })
})

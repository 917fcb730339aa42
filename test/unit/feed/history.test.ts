import { expect, it } from 'vitest'
import type { SessionListener } from '../../../src/core/events.js'
import type { Session } from '../../../src/core/session.js'
import { SessionHistory } from '../../../src/feed/history.js'
import { commandSession, ended } from '../../support/store-sessions.js'

const MINUTE_MS = 60_000
const START_MS = 1_000_000

/** A history of a store whose changes and time the test makes. */
function history() {
  const time = { nowMs: START_MS }
  const listeners = new Set<SessionListener>()
  let countOpen = async () => 0
  let turn = () => {}
  const store = {
    countOpen: () => countOpen(),
    subscribe(listener: SessionListener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  const kept = new SessionHistory(store, {
    maxListed: 10,
    nowMs: () => time.nowMs,
    every(intervalMs, run) {
      expect(intervalMs).toBe(MINUTE_MS)
      turn = run
      return () => {
        turn = () => {}
      }
    },
  })
  kept.start()
  return {
    kept,
    time,
    listeners,
    change(before: Session | null, after: Session | null) {
      for (const listener of listeners) {
        listener({ before, after }, 'id')
      }
    },
    open(count: number | Error) {
      countOpen = () => (count instanceof Error ? Promise.reject(count) : Promise.resolve(count))
    },
    async passMinute() {
      time.nowMs += MINUTE_MS
      turn()
      await Promise.resolve()
    },
    report: () => kept.report() as Promise<{ minutes: object[] }>,
  }
}

const OPEN = commandSession('1')
const TOUCHED = { ...OPEN, requestTimeMs: OPEN.openTimeMs + 1 }
const ENDED = ended(OPEN)

it.each([
  ['a new session', null, OPEN, [1, 0]],
  ['a request', OPEN, TOUCHED, [0, 0]],
  ['an end', TOUCHED, ENDED, [0, 1]],
  ['the deletion of an open session', OPEN, null, [0, 1]],
  ['the purge of an ended one', ENDED, null, [0, 0]],
  ['a request on another server', null, TOUCHED, [0, 0]],
  ['an end on another server', null, ENDED, [0, 1]],
  ['a deletion on another server', null, null, [0, 0]],
])('%s counts as it should', async (_, before, after, [opened, hasEnded]) => {
  const { change, report } = history()
  change(before, after)
  expect(await report()).toMatchObject({ minutes: [{ opened, ended: hasEnded }] })
})

it('has a minute each, the last one still running', async () => {
  const { change, open, passMinute, report, time } = history()
  open(5)
  change(null, OPEN)
  await passMinute()
  change(OPEN, ENDED)
  time.nowMs += 10_000
  open(4)
  expect(await report()).toEqual({
    ...{ now_at_ms: START_MS + 70_000, open_sessions: 4, max_listed: 10 },
    minutes: [
      { from_at_ms: START_MS, opened: 1, ended: 0, open: 5 },
      { from_at_ms: START_MS + MINUTE_MS, opened: 0, ended: 1, open: 4 },
    ],
  })
})

it('keeps an hour', async () => {
  const { passMinute, report } = history()
  for (let i = 0; i < 100; i++) {
    await passMinute()
  }
  const { minutes } = await report()
  expect(minutes).toHaveLength(60)
  expect(minutes.at(-1)).toMatchObject({ from_at_ms: START_MS + 100 * MINUTE_MS })
})

it('counts open sessions once a second at most, and shows the last number while the store is away', async () => {
  const { open, report, time } = history()
  open(3)
  expect(await report()).toMatchObject({ open_sessions: 3 })
  open(4)
  time.nowMs += 999
  expect(await report()).toMatchObject({ open_sessions: 3 })
  time.nowMs += 1
  expect(await report()).toMatchObject({ open_sessions: 4 })
  open(new Error('away'))
  time.nowMs += 1000
  expect(await report()).toMatchObject({ open_sessions: 4, minutes: [{ open: 4 }] })
})

it('hears of nothing any more once it is closed', () => {
  const { kept, listeners } = history()
  expect(listeners.size).toBe(1)
  kept.close()
  expect(listeners.size).toBe(0)
})

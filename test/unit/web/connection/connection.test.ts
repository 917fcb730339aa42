import { expect, it } from 'vitest'
import { ServerUnavailableError, type WatchEvent } from '../../../../src/client/watch.js'
import { connectionAfter, NOT_CONNECTED } from '../../../../src/web/connection/connection.js'
import { ago } from '../../../../src/web/parts/time-text.js'

const after = (...events: [atMs: number, WatchEvent][]) =>
  events.reduce((was, [atMs, event]) => connectionAfter(was, event, atMs), NOT_CONNECTED)

const connecting: WatchEvent = { type: 'connecting' }
const open: WatchEvent = { type: 'open', connectionId: 1, expectedVersion: '1.2.3' }
const waiting: WatchEvent = {
  ...{ type: 'waiting', retryDelayMs: 500, reason: 'gone' },
  error: new ServerUnavailableError('ws://here', 'is gone'),
}
const error: WatchEvent = { type: 'error', message: 'too many' }

it('follows a connection through its loss and its return', () => {
  expect(after([0, connecting])).toEqual(NOT_CONNECTED)
  expect(after([0, waiting])).toMatchObject({ phase: 'waiting', everOpen: false, retryAtMs: 500 })
  expect(after([0, open], [9, error])).toMatchObject({
    ...{ phase: 'open', everOpen: true, expectedVersion: '1.2.3', complaint: 'too many' },
  })
  // The list is as old as the loss, however often it is tried again.
  expect(after([0, open], [10, waiting], [510, connecting], [600, waiting])).toMatchObject({
    ...{ phase: 'waiting', everOpen: true, reason: 'gone', retryAtMs: 1_100, lostAtMs: 10 },
  })
  expect(after([0, open], [1, error], [10, waiting])).toMatchObject({ complaint: 'too many' })
  expect(after([0, open], [1, error], [10, waiting], [20, open])).toMatchObject({
    ...{ phase: 'open', complaint: '' },
  })
})

it.each([
  [-5, 'just now'],
  [59, 'just now'],
  [60, '1 min ago'],
  [3_599, '59 min ago'],
  [3_600, '1 h ago'],
  [86_399, '23 h ago'],
  [200_000, '2 d ago'],
])('%i seconds are "%s"', (seconds, text) => {
  expect(ago('2026-01-01T00:00:00Z', Date.UTC(2026, 0, 1) + seconds * 1_000)).toBe(text)
})

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { timeMs } from '../../../src/config/values.js'
import { timeMsOf } from '../../../src/core/time-text.js'

const NOON_MS = Date.UTC(2026, 0, 1, 12)

it.each([
  ['ISO 8601', '2026-01-01T12:00:00Z'],
  ['ISO 8601 with a part of a second', '2026-01-01T12:00:00.000Z'],
  ['ISO 8601 in another zone', '2026-01-01T14:00:00+0200'],
  ['Unix seconds', NOON_MS / 1000],
  ['Unix seconds with a part', NOON_MS / 1000 + 0.0001],
  ['Unix milliseconds', NOON_MS],
  ['Unix seconds as text', `${NOON_MS / 1000}`],
  ['Unix milliseconds as text', `${NOON_MS}`],
])('a time may be written as %s', (_form, value) => {
  expect(timeMsOf(value)).toBe(NOON_MS)
})

it('a number below 100,000,000,000 is seconds, from there on milliseconds', () => {
  expect(timeMsOf(99_999_999_999)).toBe(99_999_999_999_000)
  expect(timeMsOf(100_000_000_000)).toBe(100_000_000_000)
  expect(timeMsOf(0)).toBe(0)
  expect(timeMsOf(-0)).toBe(0)
  expect(timeMsOf(-1)).toBe(-1000)
})

it('each second and each millisecond of 1974 to 5137 is what it is', () => {
  fc.assert(
    fc.property(fc.integer({ min: Date.UTC(1974), max: Date.UTC(5137) }), (ms) => {
      expect(timeMsOf(ms)).toBe(ms)
      const seconds = Math.floor(ms / 1000)
      expect(timeMsOf(seconds)).toBe(seconds * 1000)
      expect(timeMsOf(new Date(ms).toISOString())).toBe(ms)
    }),
  )
})

it.each([
  ['a time without its zone', '2026-01-01T12:00:00'],
  ['a day that is none', '2026-02-30T12:00:00Z'.replace('02-30', '13-01')],
  ['a part of a millisecond', NOON_MS + 0.5],
  ['what is beyond all dates', 8_640_000_000_000_001],
  ['a text that is none', 'yesterday'],
  ['nothing', ''],
  ['an object', {}],
  ['no number', Number.NaN],
])('no time is %s', (_name, value) => {
  expect(timeMsOf(value)).toBeUndefined()
})

it('an option takes the same forms', () => {
  expect([`${NOON_MS / 1000}`, `${NOON_MS}`, '2026-01-01T12:00:00Z'].map(timeMs)).toEqual(
    Array(3).fill(NOON_MS),
  )
  expect(() => timeMs('soon')).toThrow('"soon" is neither an ISO 8601 time')
})

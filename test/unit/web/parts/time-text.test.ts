import { describe, expect, it } from 'vitest'
import { ago, clockText, expiryText, until } from '../../../../src/web/parts/time-text.js'

const NOW_MS = Date.parse('2026-01-02T03:04:05Z')
/** Later than any Date, as a lifetime may be whose last epoch is the largest. */
const ENDLESS_MS = 1.8e22

describe('times for people', () => {
  it.each([
    [0, 'just now'],
    [59_999, 'just now'],
    [60_000, '1 min ago'],
    [7_199_999, '1 h ago'],
    [172_800_000, '2 d ago'],
    [-5_000, 'just now'],
  ])('%d ms ago is "%s"', (passedMs, text) => {
    expect(ago(NOW_MS - passedMs, NOW_MS)).toBe(text)
    expect(ago(new Date(NOW_MS - passedMs).toISOString(), NOW_MS)).toBe(text)
  })

  it.each([
    [NOW_MS + 1, 'in under a minute'],
    [NOW_MS - 1, 'in under a minute'],
    [NOW_MS + 3_600_000, 'in 1 h'],
    [ENDLESS_MS, 'never'],
  ])('%d is "%s"', (timeMs, text) => {
    expect(until(timeMs, NOW_MS)).toBe(text)
  })

  it('an end that no Date can say is no invalid date', () => {
    expect(expiryText(ENDLESS_MS)).toBe('never: its lifetime has no end')
    expect(expiryText(null)).toBe('never by itself')
    expect(expiryText(NOW_MS)).toMatch(/2026/)
  })
})

it.each<[number, string | null]>([
  [0, null],
  [59_999, null],
  [-59_999, null],
  [60_000, '1 min ahead of'],
  [-2 * 86_400_000, '2 d behind'],
])('a clock that is %i ms ahead of another is told as %j', (aheadMs, text) => {
  expect(clockText(aheadMs)).toBe(text)
})

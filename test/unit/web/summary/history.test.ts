import { describe, expect, it } from 'vitest'
import { chartOf } from '../../../../src/web/summary/history.js'

const MINUTE_MS = 60_000
const NOW_MS = 100 * MINUTE_MS

/** A history with these counts at the ends of the last minutes; the last one has just begun. */
const historyOf = (...counts: number[]) => ({
  nowAtMs: NOW_MS,
  openSessions: counts.at(-1) ?? 0,
  maxListed: 10,
  minutes: counts.map((open, i) => {
    const fromAtMs = NOW_MS - (counts.length - 1 - i) * MINUTE_MS
    return { fromAtMs, opened: 3, ended: 1, open }
  }),
})

describe('chartOf', () => {
  it('places the ends of minutes from the left to now, whose count it is told', () => {
    const { line, highest, spanMs } = chartOf(historyOf(...Array(61).fill(5)), 10)
    expect(spanMs).toBe(60 * MINUTE_MS)
    expect(highest).toBe(10)
    expect(line.slice(-2)).toEqual([
      [1, 0.5],
      [1, 1],
    ])
    // The first minute began with what it ended with, less the opened and with the ended.
    expect(line[0]).toEqual([0, 0.3])
    expect(line[1]?.[0]).toBeCloseTo(1 / 60)
    expect(line).toHaveLength(62)
  })

  it('spans five minutes of a server that has just begun', () => {
    const { line, spanMs } = chartOf(historyOf(1, 2, 3), 3)
    expect(spanMs).toBe(5 * MINUTE_MS)
    expect(line.map(([x]) => x)).toEqual([1 - 2 / 5, 1 - 1 / 5, 1, 1].map((x) => expect.closeTo(x)))
  })

  it('draws a server that never had a session at the bottom', () => {
    const quiet = historyOf(0, 0)
    const minutes = quiet.minutes.map((minute) => ({ ...minute, opened: 0, ended: 0 }))
    const { line, highest } = chartOf({ ...quiet, minutes }, 0)
    expect(highest).toBe(0)
    expect(line.map(([, y]) => y)).toEqual([0, 0, 0])
    expect(chartOf(historyOf(), 0).line).toEqual([])
  })
})

import { describe, expect, it } from 'vitest'
import { chartOf, HISTORY_MS, type Sample, withSample } from '../../../../src/web/summary/history.js'

describe('withSample', () => {
  it('forgets what is too old', () => {
    let samples: readonly Sample[] = []
    for (let i = 0; i <= 12; i++) {
      samples = withSample(samples, { timeMs: i * 60_000, open: i })
    }
    const first = 12 - HISTORY_MS / 60_000
    expect(samples.map(({ open }) => open)).toEqual(
      Array.from({ length: 13 - first }, (_, i) => first + i),
    )
  })
})

describe('chartOf', () => {
  it('scales into a unit square with now at its right', () => {
    const samples = [
      { timeMs: 0, open: 5 },
      { timeMs: 60_000, open: 10 },
      { timeMs: 120_000, open: 0 },
    ]
    expect(chartOf(samples, 120_000)).toEqual({
      lines: [
        [
          [0, 0.5],
          [0.5, 1],
          [1, 0],
        ],
      ],
      highest: 10,
      spanMs: 120_000,
    })
  })

  it('leaves a gap where the page was not connected', () => {
    const opens = [1, 2, null, null, 3]
    const samples = opens.map((open, i) => ({ timeMs: i * 30_000, open }))
    expect(chartOf(samples, 120_000).lines.map((line) => line.length)).toEqual([2, 1])
  })

  it('shows no less than a minute', () => {
    const chart = chartOf([{ timeMs: 0, open: 0 }], 15_000)
    expect(chart).toEqual({ lines: [[[0.75, 0]]], highest: 0, spanMs: 60_000 })
    expect(chartOf([], 0)).toEqual({ lines: [], highest: 0, spanMs: 60_000 })
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Geometry, ROW_HEIGHT } from '../../../../src/web/live/geometry.js'

const lists = fc.integer({ min: 1, max: 10_000 }).chain((count) =>
  fc.record({
    count: fc.constant(count),
    opened: fc.integer({ min: -1, max: count - 1 }),
    panel: fc.integer({ min: 1, max: 400 }),
    index: fc.integer({ min: 0, max: count - 1 }),
  }),
)

describe('Geometry', () => {
  it('leaves no gap between rows and knows the row at each height', () => {
    fc.assert(
      fc.property(lists, ({ count, opened, panel, index }) => {
        const geometry = new Geometry(count, opened, panel)
        const [top, bottom] = [geometry.topOf(index), geometry.bottomOf(index)]
        expect(bottom).toBe(index === count - 1 ? geometry.height : geometry.topOf(index + 1))
        expect(geometry.indexAt(top)).toBe(index)
        expect(geometry.indexAt(bottom - 1)).toBe(index)
      }),
    )
  })

  it('draws what a view shows, and little more', () => {
    fc.assert(
      fc.property(lists, ({ count, opened, panel, index }) => {
        const geometry = new Geometry(count, opened, panel)
        const top = geometry.topOf(index)
        const [first, last] = geometry.range(top, top + 800)
        expect(geometry.topOf(first)).toBeLessThanOrEqual(top)
        expect(geometry.bottomOf(last)).toBeGreaterThanOrEqual(Math.min(top + 800, geometry.height))
        expect(last - first).toBeLessThan(800 / ROW_HEIGHT + 15)
      }),
    )
  })
})

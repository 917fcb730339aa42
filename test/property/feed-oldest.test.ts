import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Oldest } from '../../src/feed/oldest.js'

const step = fc.record({
  id: fc.nat(20).map(String),
  /** null: it goes. */
  timeMs: fc.option(fc.nat(50)),
})

it('the earliest of all is found, whatever came, moved and went', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400, size: 'max' }), fc.nat(5), (steps, every) => {
      const times = new Map<string, number>()
      const oldest = new Oldest((id) => times.get(id), times)
      for (const [i, { id, timeMs }] of steps.entries()) {
        const before = times.get(id)
        if (timeMs === null) {
          times.delete(id)
        } else {
          times.set(id, timeMs)
          if (before === undefined || timeMs < before) {
            oldest.add(id, timeMs)
          }
        }
        if (i % (every + 1) === 0) {
          const first = oldest.first()
          expect(first?.timeMs).toBe(times.size === 0 ? undefined : Math.min(...times.values()))
          expect(first && times.get(first.id)).toBe(first?.timeMs)
        }
      }
    }),
    { numRuns: 200 },
  )
})

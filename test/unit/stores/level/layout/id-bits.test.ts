import fc from 'fast-check'
import { expect, it } from 'vitest'
import { FREE_ID_BITS } from '../../../../../src/core/uuid.js'
import { idBitsAt } from '../../../../../src/stores/level/layout/id-bits.js'

const STEP_MS = 16_000
const STEPS = 2 ** FREE_ID_BITS
const time = fc.integer({ min: 0, max: 4_102_444_800_000 })

it('stay for a step, and are then the next ones', () => {
  fc.assert(
    fc.property(time, fc.nat(STEP_MS - 1), (nowMs, laterMs) => {
      const beginsAtMs = nowMs - (nowMs % STEP_MS)
      const bits = idBitsAt(beginsAtMs)
      expect(idBitsAt(beginsAtMs + laterMs)).toBe(bits)
      expect(idBitsAt(beginsAtMs + STEP_MS)).toBe((bits + 1) % STEPS)
    }),
  )
})

it('are whole numbers that fit into an id', () => {
  fc.assert(
    fc.property(time, (nowMs) => {
      const bits = idBitsAt(nowMs)
      expect(Number.isInteger(bits) && bits >= 0 && bits < STEPS).toBe(true)
    }),
  )
})

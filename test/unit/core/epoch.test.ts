import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EpochClock } from '../../../src/core/epoch.js'

const at = (nowMs: number, genesisAtMs = 0, lengthMs = 1000) =>
  new EpochClock({ genesisAtMs, lengthMs }, () => nowMs)

describe('epochs', () => {
  it('are Unix seconds by default', () => {
    expect(at(1_767_225_600_999).now()).toBe(1_767_225_600n)
  })

  it.each([
    [1000, 0n],
    [1239, 0n],
    [1240, 1n],
    [1719, 2n],
  ])('at %i ms, of 240 ms from 1000 ms on, is %i', (nowMs, epoch) => {
    expect(at(nowMs, 1000, 240).now()).toBe(epoch)
  })

  it('end where the next begins', () => {
    fc.assert(
      fc.property(
        fc.nat(2 ** 40),
        fc.nat(2 ** 40),
        fc.integer({ min: 1, max: 1e7 }),
        (genesisAtMs, sinceMs, lengthMs) => {
          const clock = at(genesisAtMs + sinceMs, genesisAtMs, lengthMs)
          const endsAtMs = clock.endsAtMs(clock.now())
          expect(endsAtMs).toBeGreaterThan(clock.nowMs())
          expect(endsAtMs - clock.nowMs()).toBeLessThanOrEqual(lengthMs)
          expect(at(endsAtMs, genesisAtMs, lengthMs).now()).toBe(clock.now() + 1n)
        },
      ),
    )
  })

  it('of 64 bits do not overflow a time', () => {
    expect(at(0).endsAtMs(2n ** 64n - 1n)).toBe(Number.MAX_SAFE_INTEGER)
  })

  it('round a duration up', () => {
    expect(at(0, 0, 240_000).epochsIn(300_000)).toBe(2n)
    expect(at(0).epochsIn(300_000)).toBe(300n)
  })
})

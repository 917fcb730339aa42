import { describe, expect, it } from 'vitest'
import { withRetries } from '../../../../src/client/connection/retry.js'

class Busy extends Error {
  constructor(readonly delayMs: number | null) {
    super()
  }
}

/** Fails as told, then succeeds, on a clock that only sleeping moves. */
async function attempt(
  failures: readonly (number | null)[],
  { deadlineMs = Number.POSITIVE_INFINITY, random = 0.5 } = {},
) {
  const slept: number[] = []
  let nowMs = 0
  let attempts = 0
  const outcome = await withRetries(
    async () => {
      const failure = failures[attempts++]
      if (failure !== undefined) {
        throw new Busy(failure)
      }
      return 'done'
    },
    deadlineMs,
    (error) => (error as Busy).delayMs,
    {
      nowMs: () => nowMs,
      random: () => random,
      async sleep(ms) {
        slept.push(ms)
        nowMs += ms
      },
    },
  ).catch((error: unknown) => error)
  return { outcome, slept, attempts }
}

const busy = (times: number) => Array.from({ length: times }, () => 0)

describe('retries', () => {
  it('are none where the first attempt succeeds', async () => {
    expect(await attempt([])).toEqual({ outcome: 'done', slept: [], attempts: 1 })
  })

  it('wait with full jitter below a ceiling that doubles from 100 ms to 2 s', async () => {
    const ceilings = [100, 200, 400, 800, 1600, 2000, 2000]
    for (const random of [0, 0.25, 0.999]) {
      const { outcome, slept } = await attempt(busy(7), { random })
      expect(outcome).toBe('done')
      expect(slept).toEqual(ceilings.map((ceiling) => random * ceiling))
    }
  })

  it('wait at least as long as the failure asks', async () => {
    const { slept } = await attempt([1000, 0, 30], { random: 0.5 })
    expect(slept).toEqual([1000, 100, 200])
  })

  it('stop at a failure that is final', async () => {
    expect(await attempt([0, null])).toEqual({
      outcome: new Busy(null),
      slept: [50],
      attempts: 2,
    })
  })

  it.each([
    [50, 1],
    [51, 2],
    [150, 2],
    [151, 3],
  ])('leave it at that where %i ms do not suffice', async (deadlineMs, attempts) => {
    const result = await attempt(busy(99), { deadlineMs })
    expect(result.outcome).toBeInstanceOf(Busy)
    expect(result.attempts).toBe(attempts)
  })
})

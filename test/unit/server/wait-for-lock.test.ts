import { describe, expect, it } from 'vitest'
import { StoreLockedError, StoreUnavailableError } from '../../../src/core/errors.js'
import { waitForLock } from '../../../src/server/wait-for-lock.js'

/** Waits for a store that opens at the `opensAt`th attempt. */
function waiting(opensAt: number, waitMs: number, refusal: Error = new StoreLockedError('here')) {
  const told: number[] = []
  let sleptMs = 0
  let attempts = 0
  const opened = waitForLock(
    async () => {
      if (++attempts < opensAt) {
        throw refusal
      }
      return 'the store'
    },
    waitMs,
    {
      sleep: async (ms) => {
        sleptMs += ms
      },
      onWaiting: (waitedMs) => told.push(waitedMs),
    },
  )
  return { opened, told, attempts: () => attempts, sleptMs: () => sleptMs }
}

describe('the wait for the lock', () => {
  it('is none where the lock is free', async () => {
    const { opened, told, sleptMs } = waiting(1, 0)
    expect(await opened).toBe('the store')
    expect([told, sleptMs()]).toEqual([[], 0])
  })

  it('is none unless it was asked for', async () => {
    const { opened, sleptMs } = waiting(2, 0)
    await expect(opened).rejects.toMatchObject({ code: 'STORE_LOCKED' })
    expect(sleptMs()).toBe(0)
  })

  it('ends with the refusal once it was as long as it may be', async () => {
    const { opened, sleptMs } = waiting(Number.POSITIVE_INFINITY, 60_000)
    await expect(opened).rejects.toMatchObject({ code: 'STORE_LOCKED' })
    expect(sleptMs()).toBe(60_000)
  })

  it('may last for ever, and says so now and then', async () => {
    const { opened, told } = waiting(1_000, Number.POSITIVE_INFINITY)
    expect(await opened).toBe('the store')
    expect(told).toEqual([0, 30_000, 60_000, 90_000])
  })

  it('is for the lock alone', async () => {
    const { opened, attempts } = waiting(9, 60_000, new StoreUnavailableError('no such disk'))
    await expect(opened).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    expect(attempts()).toBe(1)
  })
})

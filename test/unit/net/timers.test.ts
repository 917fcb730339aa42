import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { sleep, startTimer } from '../../../src/net/timers.js'

const DAY_MS = 86_400_000

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe('a timer', () => {
  it.each([1, 24, 25, 60])('of %i days is over after them, and not before', async (days) => {
    const run = vi.fn()
    startTimer(days * DAY_MS, run)
    await vi.advanceTimersByTimeAsync(days * DAY_MS - 1)
    expect(run).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    expect(run).toHaveBeenCalledOnce()
  })

  it('without end is never over', async () => {
    const run = vi.fn()
    startTimer(Number.POSITIVE_INFINITY, run)
    await vi.advanceTimersByTimeAsync(100 * DAY_MS)
    expect(run).not.toHaveBeenCalled()
  })

  it('that was stopped, however late, leaves nothing behind', async () => {
    const run = vi.fn()
    const stop = startTimer(60 * DAY_MS, run)
    await vi.advanceTimersByTimeAsync(30 * DAY_MS)
    stop()
    expect(vi.getTimerCount()).toBe(0)
    await vi.advanceTimersByTimeAsync(60 * DAY_MS)
    expect(run).not.toHaveBeenCalled()
  })
})

describe('a sleep', () => {
  it('of 60 days takes them', async () => {
    const awake = vi.fn()
    void sleep(60 * DAY_MS).then(awake)
    await vi.advanceTimersByTimeAsync(60 * DAY_MS - 1)
    expect(awake).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    expect(awake).toHaveBeenCalledOnce()
  })

  it.each(['before', 'meanwhile'])(
    'ends with the reason of its signal, aborted %s',
    async (when) => {
      const abort = new AbortController()
      if (when === 'before') {
        abort.abort(new Error('enough'))
      }
      const sleeping = sleep(60 * DAY_MS, abort.signal)
      abort.abort(new Error('enough'))
      await expect(sleeping).rejects.toThrow('enough')
      expect(vi.getTimerCount()).toBe(0)
    },
  )
})

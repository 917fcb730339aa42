import { onTestFinished, vi } from 'vitest'

type Faked = 'Date' | 'setTimeout' | 'clearTimeout'

/** Holds these still until the test ends. The function returned lets so much time pass. */
function hold(...toFake: Faked[]): (ms: number) => void {
  vi.useFakeTimers({ toFake })
  onTestFinished(() => void vi.useRealTimers())
  return (ms) => void vi.advanceTimersByTime(ms)
}

/**
 * Stops `Date` and `performance.now`, so that no rate or time is exceeded because the machine is slow. Call it before what
 * takes the clock.
 */
export function stopClock(): (ms: number) => void {
  const passDate = hold('Date')
  let nowMs = performance.now()
  const now = vi.spyOn(performance, 'now').mockImplementation(() => nowMs)
  onTestFinished(() => now.mockRestore())
  return (ms) => {
    nowMs += ms
    passDate(ms)
  }
}

/** Stops `Date` and the timers of `setTimeout`, such as those of deadlines. */
export const stopTimers = (): ((ms: number) => void) => hold('Date', 'setTimeout', 'clearTimeout')

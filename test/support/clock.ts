import { onTestFinished, vi } from 'vitest'

type Faked = 'Date' | 'setTimeout' | 'clearTimeout'

/** Holds these still until the test ends. The function returned lets so much time pass. */
function hold(...toFake: Faked[]): (ms: number) => void {
  vi.useFakeTimers({ toFake })
  onTestFinished(() => void vi.useRealTimers())
  return (ms) => void vi.advanceTimersByTime(ms)
}

/** Stops `Date`, so that no rate or time is exceeded because the machine is slow. Call it before what takes the clock. */
export const stopClock = (): ((ms: number) => void) => hold('Date')

/** The same with the timers of `setTimeout`, such as those of deadlines. */
export const stopTimers = (): ((ms: number) => void) => hold('Date', 'setTimeout', 'clearTimeout')

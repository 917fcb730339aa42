import { onTestFinished, vi } from 'vitest'

/**
 * Holds `Date` still until the test ends, so that no limit of a rate or a time is met because the machine is slow.
 * Call it before what takes the clock. The function returned moves it on.
 */
export function stopClock(): (ms: number) => void {
  vi.useFakeTimers({ toFake: ['Date'] })
  onTestFinished(() => void vi.useRealTimers())
  return (ms) => void vi.setSystemTime(Date.now() + ms)
}

const FIRST_DELAY_MS = 100
const MAX_DELAY_MS = 2_000

export interface RetryPorts {
  nowMs(): number
  sleep(ms: number): Promise<void>
  /** A number from 0 up to, but not including, 1. */
  random(): number
}

/**
 * Calls `attempt` until it succeeds, fails for good, or the deadline leaves no time for another attempt. Waits between
 * attempts for a random time below a bound that doubles from 100 ms to 2 s, or longer if the failure asks for it.
 * `retryDelayMs` says how long a failure asks to wait; null means that it is final.
 */
export async function withRetries<T>(
  attempt: () => Promise<T>,
  deadlineAtMs: number,
  retryDelayMs: (error: unknown) => number | null,
  { nowMs, sleep, random }: RetryPorts,
): Promise<T> {
  for (let ceilingMs = FIRST_DELAY_MS; ; ceilingMs = Math.min(2 * ceilingMs, MAX_DELAY_MS)) {
    try {
      return await attempt()
    } catch (error) {
      const askedMs = retryDelayMs(error)
      if (askedMs === null) {
        throw error
      }
      const delayMs = Math.max(askedMs, random() * ceilingMs)
      if (nowMs() + delayMs >= deadlineAtMs) {
        throw error
      }
      await sleep(delayMs)
    }
  }
}

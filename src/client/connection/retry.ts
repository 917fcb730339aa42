const FIRST_DELAY_MS = 100
const MAX_DELAY_MS = 2_000

export interface RetryPorts {
  nowMs(): number
  sleep(ms: number): Promise<void>
  /** From 0 up to 1. */
  random(): number
}

/**
 * Calls `attempt` until it succeeds, fails for good, or the deadline leaves no room for another try.
 * Waits between tries with full jitter, from 100 ms doubling up to 2 s, or as long as the failure
 * asks. `retryDelayMs` tells of a failure: how long it asks to wait, or null where it is final.
 */
export async function withRetries<T>(
  attempt: () => Promise<T>,
  deadlineTimeMs: number,
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
      if (nowMs() + delayMs >= deadlineTimeMs) {
        throw error
      }
      await sleep(delayMs)
    }
  }
}

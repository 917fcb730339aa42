/** How often a call is tried, and how long it waits in between. */
export interface RetryPolicy {
  /** How often it is tried at most, the first try included; Infinity: until its deadline. Default: Infinity. */
  readonly attempts?: number
  /** The longest first wait, in milliseconds. It doubles with each try; each wait is a random part of it. Default: 100. */
  readonly firstDelayMs?: number
  /** The longest wait, in milliseconds, unless the server asks for a longer one. Default: 2,000. */
  readonly maxDelayMs?: number
}

export interface RetryPorts {
  nowMs(): number
  sleep(ms: number): Promise<void>
  /** A number from 0 up to, but not including, 1. */
  random(): number
}

/** A policy with its defaults. Throws RangeError where a number of it is none. */
export function fullPolicy(
  { attempts = Number.POSITIVE_INFINITY, firstDelayMs, maxDelayMs }: RetryPolicy,
  delays = { firstMs: 100, maxMs: 2_000 },
): Required<RetryPolicy> {
  const policy = {
    attempts,
    firstDelayMs: firstDelayMs ?? delays.firstMs,
    maxDelayMs: maxDelayMs ?? delays.maxMs,
  }
  if (!(attempts >= 1)) {
    throw new RangeError('retry.attempts must be at least 1')
  }
  if (!(policy.firstDelayMs >= 0 && policy.maxDelayMs >= 0)) {
    throw new RangeError('retry.firstDelayMs and retry.maxDelayMs must be milliseconds')
  }
  return policy
}

/**
 * Calls `attempt` until it succeeds, fails for good, was tried often enough, or the deadline leaves no time for another
 * attempt. Waits between attempts for a random time below a bound that doubles, or longer if the failure asks for it.
 * `retryDelayMs` says how long a failure asks to wait; null means that it is final.
 */
export async function withRetries<T>(
  attempt: () => Promise<T>,
  deadlineAtMs: number,
  retryDelayMs: (error: unknown) => number | null,
  { nowMs, sleep, random }: RetryPorts,
  { attempts, firstDelayMs, maxDelayMs }: Required<RetryPolicy> = fullPolicy({}),
): Promise<T> {
  let ceilingMs = firstDelayMs
  for (let tried = 1; ; tried++) {
    try {
      return await attempt()
    } catch (error) {
      const askedMs = retryDelayMs(error)
      if (askedMs === null || tried >= attempts) {
        throw error
      }
      const delayMs = Math.max(askedMs, random() * Math.min(ceilingMs, maxDelayMs))
      if (nowMs() + delayMs >= deadlineAtMs) {
        throw error
      }
      await sleep(delayMs)
    }
    ceilingMs = Math.min(2 * ceilingMs, maxDelayMs)
  }
}

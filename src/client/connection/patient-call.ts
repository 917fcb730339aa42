import { type Client, status } from '@grpc/grpc-js'
import { sleep } from '../../net/timers.js'
import { DeadlineError, RefusedError } from '../errors.js'
import { callUnary } from './call.js'
import { withRetries } from './retry.js'

/** How long to try. */
export interface CallOptions {
  /** Milliseconds for the call and all its retries. Infinity: no limit. Default: 10,000. */
  readonly deadlineMs?: number
  /** Stops waiting and throws the signal's reason. Whether the server did what was asked is then unknown. */
  readonly signal?: AbortSignal
}

const DEFAULT_DEADLINE_MS = 10_000

/**
 * Sends the same request again while the server is unavailable or asks to come back later: one that may safely arrive
 * twice. Throws RefusedError, DeadlineError, the signal's reason, and RangeError where the deadline is not a number.
 */
export async function callPatiently(
  client: Client,
  path: string,
  request: Uint8Array,
  { deadlineMs = DEFAULT_DEADLINE_MS, signal }: CallOptions,
): Promise<Uint8Array> {
  const deadlineAtMs = Date.now() + deadlineMs
  let attempts = 0
  const attempt = () => {
    attempts++
    return callUnary(client, path, request, deadlineAtMs, signal)
  }
  const ports = {
    nowMs: Date.now,
    random: Math.random,
    sleep: (ms: number) => sleep(ms, signal),
  }
  try {
    return await withRetries(attempt, deadlineAtMs, retryDelayMs, ports)
  } catch (error) {
    if (error instanceof RefusedError && error.grpcCode === status.DEADLINE_EXCEEDED) {
      throw new DeadlineError(deadlineMs, attempts, error)
    }
    throw error
  }
}

/** How long to wait before the next attempt; null where the server does not invite one. */
function retryDelayMs(error: unknown): number | null {
  if (!(error instanceof RefusedError)) {
    return null
  }
  const { retry_delay_ms: askedMs } = error.metadata
  if (askedMs === undefined) {
    return error.grpcCode === status.UNAVAILABLE ? 0 : null
  }
  // Untrusted: NaN would mean retries without any wait.
  return Number.isNaN(Number(askedMs)) ? null : Number(askedMs)
}

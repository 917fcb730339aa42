import { SessiondError } from './sessiond-error.js'

// What the server, or its store, cannot do now.

/** The store did not confirm the operation. The outcome of a write is unknown; trying again is safe. */
export class StoreUnavailableError extends SessiondError {
  readonly code = 'STORE_UNAVAILABLE'

  constructor(problem: string, cause?: unknown) {
    super(`the session store is not available: ${problem}`, { cause })
  }
}

/** The store holds data that it cannot have written. */
export class StoreDamagedError extends SessiondError {
  readonly code = 'STORE_DAMAGED'

  constructor(problem: string, cause?: unknown) {
    super(problem, { cause })
  }
}

/**
 * The server cannot be reached, or did not answer in time. Whether a write took place is then unknown.
 *
 * @example
 * ```ts
 * import { ServerUnavailableError, type SessionsClient } from 'sessiond/client'
 *
 * export async function isReachable(sessions: SessionsClient): Promise<boolean> {
 *   try {
 *     await sessions.list({ take: 1 })
 *     return true
 *   } catch (error) {
 *     if (error instanceof ServerUnavailableError) {
 *       return false
 *     }
 *     throw error
 *   }
 * }
 * ```
 */
export class ServerUnavailableError extends SessiondError {
  readonly code = 'SERVER_UNAVAILABLE'

  constructor(address: string, problem: string, cause?: unknown) {
    super(`the session server at ${address} ${problem}`, { cause })
  }
}

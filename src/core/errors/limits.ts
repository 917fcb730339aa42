import { SessiondError } from './sessiond-error.js'

// Limits that a caller has reached.

/** The limit of open sessions is reached. */
export class QuotaError extends SessiondError {
  readonly code = 'QUOTA_EXCEEDED'

  constructor(scope: 'owner' | 'server', limit: number) {
    super(
      scope === 'owner'
        ? `this owner already has ${limit} open sessions, the most allowed: close one, or wait until one expires`
        : `the server already holds ${limit} open sessions, the most allowed`,
      { metadata: { scope, limit: `${limit}` } },
    )
  }
}

const RATE_PROBLEMS = {
  calls: (perSecond: number) =>
    `this address makes more than ${perSecond} calls a second, the most allowed`,
  failures: (perSecond: number) =>
    `more than ${perSecond} calls a second of this address failed, and did not prove who makes them`,
  signatures: (perSecond: number) =>
    `this session signs more than ${perSecond} times a second, the most allowed`,
}

/** The caller's address, or the session that it uses, exceeds its rate limit. Trying again later is safe. */
export class RateLimitedError extends SessiondError {
  readonly code = 'RATE_LIMITED'

  constructor(scope: keyof typeof RATE_PROBLEMS, perSecond: number) {
    super(`${RATE_PROBLEMS[scope](perSecond)}: wait a second`, {
      metadata: { scope, limit: `${perSecond}` },
    })
  }
}

/** Too much work of this kind is in progress. Trying again later is safe. */
export class BusyError extends SessiondError {
  readonly code = 'BUSY'

  /** `work`: its kind, in the plural. */
  constructor(work: string, limit: number, advice = 'wait until one ends') {
    super(`${limit} ${work} are under way, the most at a time: ${advice}`, {
      metadata: { limit: `${limit}` },
    })
  }
}

/** The request took too long to arrive. Nothing of it was done. */
export class RequestTimeoutError extends SessiondError {
  readonly code = 'REQUEST_TIMEOUT'

  constructor(timeoutMs: number) {
    super(`the request did not arrive within ${timeoutMs} ms`, {
      metadata: { timeout_ms: `${timeoutMs}` },
    })
  }
}

import { SessiondError } from './sessiond-error.js'

export * from './error-codes.js'
export * from './operator-errors.js'
export * from './sessiond-error.js'

/** The bytes are not a message of the contract, or break a rule of its structure. */
export class MalformedError extends SessiondError {
  readonly code = 'MALFORMED'

  /** `field`: empty if the whole message is at fault. */
  constructor(field: string, problem: string, cause?: unknown) {
    super(field === '' ? problem : `${field}: ${problem}`, {
      ...(field !== '' && { field }),
      cause,
    })
  }
}

/** A required field is missing. */
export class MissingFieldError extends SessiondError {
  readonly code = 'MISSING_FIELD'

  constructor(field: string) {
    super(`${field} is required`, { field })
  }
}

/** Some fields are keys that a caller made up, so they may be long. */
const MAX_FIELD_CHARS = 256

/** A field is well formed, but its value is not allowed. */
export class InvalidFieldError extends SessiondError {
  readonly code = 'INVALID_FIELD'

  constructor(field: string, problem: string) {
    const name = field.length > MAX_FIELD_CHARS ? `${field.slice(0, MAX_FIELD_CHARS)}…` : field
    super(`${name} ${problem}`, { field: name })
  }
}

/** The server does not grant this lifetime now. Epochs. */
export class LifetimeError extends SessiondError {
  readonly code = 'INVALID_LIFETIME'

  constructor(field: string, problem: string, serverEpoch: bigint) {
    super(`${field} ${problem} (the server's epoch is ${serverEpoch})`, {
      field,
      metadata: { server_epoch: `${serverEpoch}` },
    })
  }
}

/** The client's clock is too far from the server's. Epochs. */
export class EpochDriftError extends SessiondError {
  readonly code = 'EPOCH_DRIFT'

  constructor(field: string, epoch: bigint, serverEpoch: bigint, maxDriftEpochs: bigint) {
    super(
      `${field} ${epoch} is more than ${maxDriftEpochs} from the server's epoch ${serverEpoch}: ` +
        'set the clock, or sign the request anew',
      {
        field,
        metadata: { server_epoch: `${serverEpoch}`, max_drift_epochs: `${maxDriftEpochs}` },
      },
    )
  }
}

/** The request has another major version of the protocol. */
export class VersionError extends SessiondError {
  readonly code = 'UNSUPPORTED_VERSION'

  constructor(field: string, major: number, supportedMajor: number) {
    super(`${field} is ${major}; this server speaks major version ${supportedMajor}`, {
      field,
      metadata: { supported_major: `${supportedMajor}` },
    })
  }
}

/** A signature is missing or invalid, or is made with another key than it must be. */
export class SignatureError extends SessiondError {
  readonly code = 'BAD_SIGNATURE'

  constructor(field: string, problem: string) {
    super(`${field}: ${problem}`, { field })
  }
}

/** What does not match: the owner id's length, its prefix or checksum as an N3 account, all of it, or the signing key. */
export type OwnerPart = 'length' | 'prefix' | 'checksum' | 'owner' | 'key'

/** The signature is valid, but its key may not open sessions for this owner. */
export class OwnerKeyError extends SessiondError {
  readonly code = 'OWNER_KEY_MISMATCH'

  /** `policy`: the rule in force; `part`: what breaks it; `expected`: what it asks for. */
  constructor(policy: string, part: OwnerPart, expected: string) {
    super(`the body's signing key may not speak for body.owner_id (${policy}): ${expected}`, {
      field: 'body.owner_id.value',
      metadata: { policy, part },
    })
  }
}

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

/** The caller's address exceeds its rate limit. Trying again later is safe. */
export class RateLimitedError extends SessiondError {
  readonly code = 'RATE_LIMITED'

  constructor(scope: 'calls' | 'failures', perSecond: number) {
    super(
      scope === 'calls'
        ? `this address makes more than ${perSecond} calls a second, the most allowed: wait a second`
        : `more than ${perSecond} calls a second of this address failed, and did not prove who makes them: wait a second`,
      { metadata: { scope, limit: `${perSecond}` } },
    )
  }
}

/** Too much work of this kind is in progress. Trying again later is safe. */
export class BusyError extends SessiondError {
  readonly code = 'BUSY'

  /** `work`: its kind, in the plural. */
  constructor(work: string, limit: number) {
    super(`${limit} ${work} are under way, the most at a time: wait until one ends`, {
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

/** The idempotency key was already used for another body. */
export class IdempotencyKeyReusedError extends SessiondError {
  readonly code = 'IDEMPOTENCY_KEY_REUSED'

  constructor() {
    super('this idempotency key was used for another body: take a new key', {
      field: 'meta_header.x_headers',
    })
  }
}

/** The session has ended. */
export class SessionEndedError extends SessiondError {
  readonly code = 'SESSION_ENDED'

  constructor(id: string) {
    super(`session ${id} has ended`, { metadata: { session_id: id } })
  }
}

/** No session has this id, or it belongs to another user. */
export class NotFoundError extends SessiondError {
  readonly code = 'NOT_FOUND'

  constructor(id: string) {
    super(`there is no session ${id}`, { metadata: { session_id: id } })
  }
}

/** The session has ended, so nothing can be written to it. */
export class ConflictError extends SessiondError {
  readonly code = 'CONFLICT'

  constructor(id: string) {
    super(`session ${id} has ended: nothing was written`, { metadata: { session_id: id } })
  }
}

/** The server's wall clock may be wrong, so no session can be ended by it. */
export class ClockSuspectError extends SessiondError {
  readonly code = 'CLOCK_SUSPECT'

  constructor() {
    super(
      "the server's clock was set or the machine slept, so nothing is ended until both its clocks agree " +
        'again, or its operator confirms the clock',
    )
  }
}

/** The store did not confirm the operation. The outcome of a write is unknown; trying again is safe. */
export class StoreUnavailableError extends SessiondError {
  readonly code = 'STORE_UNAVAILABLE'

  constructor(problem: string, cause?: unknown) {
    super(`the session store is not available: ${problem}`, { cause })
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

/** The call needs an admin credential, and has none, or a wrong one. */
export class CredentialError extends SessiondError {
  readonly code = 'CREDENTIAL_REQUIRED'
  /** Why a client certificate was shown and not accepted: OpenSSL's code, such as `CERT_HAS_EXPIRED`. */
  readonly certificateProblem: string | undefined

  /** `wanted`: what would do; `shown`: what was there instead. */
  constructor(
    wanted: string,
    shown: {
      readonly authorization?: string | undefined
      readonly certificateProblem?: string | undefined
    } = {},
  ) {
    const { authorization, certificateProblem } = shown
    const isMissing = authorization === undefined && certificateProblem === undefined
    const problem = isMissing
      ? 'an admin credential is needed'
      : authorization === undefined
        ? `the client certificate that was shown is not accepted (${certificateProblem})`
        : "the admin credential that was shown is not this server's"
    const credential = isMissing ? 'missing' : 'wrong'
    const certificate = certificateProblem && { certificate: certificateProblem }
    super(`${problem}: ${wanted}`, { metadata: { credential, ...certificate } })
    this.certificateProblem = certificateProblem
  }
}

/** The call is only for this machine, and came through a proxy, which makes every caller look local. */
export class ForwardedError extends SessiondError {
  readonly code = 'FORWARDED'

  /** `header`: what shows the proxy; `advice`: what would let the call through. */
  constructor(header: string, advice: string) {
    super(
      `this is for callers on the server's own machine, and a proxy passed the call on ("${header}"): ${advice}`,
      { metadata: { header } },
    )
  }
}

/** The store holds data that it cannot have written. */
export class StoreDamagedError extends SessiondError {
  readonly code = 'STORE_DAMAGED'

  constructor(problem: string, cause?: unknown) {
    super(problem, { cause })
  }
}

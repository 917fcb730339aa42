import { SessiondError } from '../core/errors.js'

/** An act that this server does not have: of another role, or an unknown command. */
export class UnknownActError extends SessiondError {
  readonly code = 'ACT_NOT_FOUND'
}

/** A request over HTTP that does not get as far as an act. */
export class RefusedRequestError extends SessiondError {
  readonly code = 'REQUEST_REFUSED'

  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message)
  }
}

/** HTTP statuses of the errors that a caller may see; all else is a 500 that says nothing. */
export const STATUSES: Readonly<Record<string, number>> = {
  MALFORMED: 400,
  MISSING_FIELD: 400,
  INVALID_FIELD: 400,
  UNSUPPORTED_VERSION: 400,
  FORWARDED: 403,
  ACT_NOT_FOUND: 404,
  NOT_FOUND: 404,
  CONFLICT: 409,
  CLOCK_SUSPECT: 409,
  QUOTA_EXCEEDED: 429,
  STORE_UNAVAILABLE: 503,
  STORE_DAMAGED: 500,
  SERVER_UNAVAILABLE: 503,
}

/**
 * An error as it travels. Clients copy every key onto an Error of their own; `seneca`, `eraro`,
 * `package`, `msg` and `orig` keep those of every version from wrapping it into another one.
 */
export interface SenecaError {
  readonly name: string
  readonly message: string
  /** In UPPER_SNAKE_CASE. */
  readonly code: string
  readonly status: number
  /** Values that belong to the code, and `field`, the argument at fault. */
  readonly details: Readonly<Record<string, string>>
  readonly seneca: true
  readonly eraro: true
  readonly package: 'seneca'
  readonly msg: string
  readonly orig: { readonly code: string }
}

/** The only map from our errors to Seneca's. What failed has no more in it than the request's id. */
export function toSenecaError(error: unknown, requestId?: string): SenecaError {
  const status = statusOf(error)
  if (!(error instanceof SessiondError) || status === undefined) {
    const details = requestId === undefined ? {} : { request_id: requestId }
    return senecaError('Error', 'internal error', 'INTERNAL', 500, details)
  }
  const { name, message, code, field, metadata } = error
  return senecaError(name, message, code, status, {
    ...metadata,
    ...(field !== undefined && { field }),
  })
}

function statusOf(error: unknown): number | undefined {
  if (error instanceof RefusedRequestError) {
    return error.status
  }
  // A bridge's server may name its reason as it likes: `constructor`, for instance.
  return error instanceof SessiondError && Object.hasOwn(STATUSES, error.code)
    ? STATUSES[error.code]
    : undefined
}

function senecaError(
  name: string,
  message: string,
  code: string,
  status: number,
  details: Readonly<Record<string, string>>,
): SenecaError {
  return {
    name,
    message,
    code,
    status,
    details,
    seneca: true,
    eraro: true,
    package: 'seneca',
    msg: message,
    orig: { code },
  }
}

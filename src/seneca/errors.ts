import { isCallerError, SessiondError } from '../core/errors.js'
import { HTTP_STATUSES } from '../net/http-statuses.js'

/** The act has another role or an unknown command. */
export class UnknownActError extends SessiondError {
  readonly code = 'ACT_NOT_FOUND'
  readonly status = 404
}

/** The request was refused before it reached an act. */
export class RefusedRequestError extends SessiondError {
  readonly code = 'REQUEST_REFUSED'

  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message)
  }
}

/**
 * An error on the wire. Clients copy every key onto an Error of their own. `seneca`, `eraro`, `package`, `msg` and
 * `orig` stop clients of all versions from wrapping it in another error.
 */
export interface SenecaError {
  readonly name: string
  readonly message: string
  /** In UPPER_SNAKE_CASE. */
  readonly code: string
  readonly status: number
  /** Values that belong to the code, and `field`: the argument at fault. */
  readonly details: Readonly<Record<string, string>>
  readonly seneca: true
  readonly eraro: true
  readonly package: 'seneca'
  readonly msg: string
  readonly orig: { readonly code: string }
}

/** The only map from our errors to Seneca's. An internal error carries no more than the request's id. */
export function toSenecaError(error: unknown, requestId?: string): SenecaError {
  if (error instanceof UnknownActError || error instanceof RefusedRequestError) {
    return senecaError(error.name, error.message, error.code, error.status, {})
  }
  if (isCallerError(error)) {
    const { name, message, code, field, metadata } = error
    const details = { ...metadata, ...(field !== undefined && { field }) }
    return senecaError(name, message, code, HTTP_STATUSES[code], details)
  }
  const details = requestId === undefined ? {} : { request_id: requestId }
  return senecaError('Error', 'internal error', 'INTERNAL', 500, details)
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

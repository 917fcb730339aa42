import { type CallerErrorCode, isCallerError } from '../core/errors.js'
import { HTTP_STATUSES } from '../net/http-statuses.js'

/** Categories of the pip-services convention. Existing clients choose the class of an exception by them. */
export type Category =
  | 'BadRequest'
  | 'Unauthorized'
  | 'NotFound'
  | 'Conflict'
  | 'InvalidState'
  | 'NoResponse'
  | 'FailedInvocation'
  | 'Internal'

/** The category of each error; null: the server failed. */
export const CATEGORIES: Readonly<Record<CallerErrorCode, Category | null>> = {
  MALFORMED: 'BadRequest',
  MISSING_FIELD: 'BadRequest',
  INVALID_FIELD: 'BadRequest',
  INVALID_LIFETIME: 'BadRequest',
  UNSUPPORTED_VERSION: 'BadRequest',
  BAD_SIGNATURE: 'Unauthorized',
  CREDENTIAL_REQUIRED: 'Unauthorized',
  FORWARDED: 'Unauthorized',
  OWNER_KEY_MISMATCH: 'Unauthorized',
  SIGNER_NOT_ALLOWED: 'Unauthorized',
  TOKEN_REFUSED: 'Unauthorized',
  NOT_FOUND: 'NotFound',
  CONFLICT: 'Conflict',
  IDEMPOTENCY_KEY_REUSED: 'Conflict',
  BUSY: 'InvalidState',
  CLOCK_SUSPECT: 'InvalidState',
  EPOCH_DRIFT: 'InvalidState',
  KEY_NOT_CHANGED: 'InvalidState',
  QUOTA_EXCEEDED: 'InvalidState',
  RATE_LIMITED: 'InvalidState',
  REQUEST_TIMEOUT: 'InvalidState',
  SESSION_ENDED: 'InvalidState',
  SERVER_UNAVAILABLE: 'NoResponse',
  STORE_UNAVAILABLE: 'NoResponse',
  STORE_DAMAGED: null,
}

/** An error as clients of the convention expect it, on every wire. */
export interface Description {
  readonly category: Category
  readonly code: string
  /** As in HTTP. */
  readonly status: number
  readonly message: string
  readonly details: Readonly<Record<string, string>>
}

/** Describes an error of the caller's; null if the server failed, of which callers learn nothing more. */
export function descriptionOf(error: unknown): Description | null {
  const category = isCallerError(error) ? CATEGORIES[error.code] : null
  if (!isCallerError(error) || category === null) {
    return null
  }
  const { message, metadata, field } = error
  const code = error.code === 'MALFORMED' ? 'InvalidContent' : error.code
  const details = { ...metadata, ...(field !== undefined && { field }) }
  return { category, code, status: HTTP_STATUSES[error.code], message, details }
}

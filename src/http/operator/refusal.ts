import { type CallerErrorCode, isCallerError } from '../../core/errors.js'
import { HTTP_STATUSES } from '../../net/http-statuses.js'

/** An error as the page sees it. */
export interface OperatorRefusal {
  readonly status: number
  readonly code: CallerErrorCode | 'INTERNAL'
  readonly message: string
}

/** What the page sees of an error: nothing of what went wrong inside, which `onInternal` gets instead. */
export function refusalOf(error: unknown, onInternal: (error: unknown) => void): OperatorRefusal {
  const status = isCallerError(error) ? HTTP_STATUSES[error.code] : 500
  if (isCallerError(error) && status !== 500) {
    return { status, code: error.code, message: error.message }
  }
  onInternal(error)
  return { status: 500, code: 'INTERNAL', message: 'internal error' }
}

import type { ErrorDescription } from '#generated/sessions_v1/sessions'
import { SessiondError } from '../core/errors.js'

/** Categories of the pip-services convention, by which existing clients make an exception again. */
type Category = 'BadRequest' | 'NotFound' | 'Conflict' | 'InvalidState' | 'NoResponse'

/** The errors that a use case of the sessions commands answers with, and their HTTP statuses. */
export const DESCRIBED: Readonly<Record<string, readonly [Category, status: number]>> = {
  MISSING_FIELD: ['BadRequest', 400],
  INVALID_FIELD: ['BadRequest', 400],
  NOT_FOUND: ['NotFound', 404],
  CONFLICT: ['Conflict', 409],
  CLOCK_SUSPECT: ['InvalidState', 409],
  QUOTA_EXCEEDED: ['InvalidState', 429],
  STORE_UNAVAILABLE: ['NoResponse', 503],
}

/** What a reply says of an error. Throws it again where it is no answer but a failure. */
export function describe(error: unknown, correlationId: string): ErrorDescription {
  const described = error instanceof SessiondError ? DESCRIBED[error.code] : undefined
  if (!(error instanceof SessiondError) || described === undefined) {
    throw error
  }
  const [category, status] = described
  return {
    type: error.name,
    category,
    code: error.code,
    correlationId,
    status: `${status}`,
    message: error.message,
    cause: '',
    stackTrace: '',
    details: new Map(
      Object.entries({
        ...error.metadata,
        ...(error.field !== undefined && { field: error.field }),
      }),
    ),
  }
}

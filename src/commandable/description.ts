import { SessiondError } from '../core/errors.js'

/** Categories of the pip-services convention, by which existing clients make an exception again. */
export type Category =
  | 'BadRequest'
  | 'Unauthorized'
  | 'NotFound'
  | 'Conflict'
  | 'InvalidState'
  | 'NoResponse'
  | 'FailedInvocation'
  | 'Internal'

/** The errors that the sessions commands answer with, their HTTP statuses, and what the convention calls them. */
export const DESCRIBED: Readonly<
  Record<string, readonly [Category, status: number, code?: string]>
> = {
  MALFORMED: ['BadRequest', 400, 'InvalidContent'],
  CREDENTIAL_REQUIRED: ['Unauthorized', 401],
  FORWARDED: ['Unauthorized', 403],
  MISSING_FIELD: ['BadRequest', 400],
  INVALID_FIELD: ['BadRequest', 400],
  NOT_FOUND: ['NotFound', 404],
  CONFLICT: ['Conflict', 409],
  CLOCK_SUSPECT: ['InvalidState', 409],
  QUOTA_EXCEEDED: ['InvalidState', 429],
  STORE_UNAVAILABLE: ['NoResponse', 503],
}

/** What clients of the convention are told of an error, on every wire. */
export interface Description {
  readonly category: Category
  readonly code: string
  /** As in HTTP. */
  readonly status: number
  readonly message: string
  readonly details: Readonly<Record<string, string>>
}

/** The description of an error that a use case answers with; null for a failure, which says no more. */
export function descriptionOf(error: unknown): Description | null {
  const described = error instanceof SessiondError ? DESCRIBED[error.code] : undefined
  if (!(error instanceof SessiondError) || described === undefined) {
    return null
  }
  const { message, metadata, field } = error
  const [category, status, code = error.code] = described
  const details = { ...metadata, ...(field !== undefined && { field }) }
  return { category, code, status, message, details }
}

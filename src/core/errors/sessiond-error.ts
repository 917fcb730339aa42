import { CALLER_ERROR_CODES, type CallerErrorCode, type ErrorCode } from './codes.js'

/** What an error tells programs, beside its code. */
export interface ErrorFacts {
  /** The field at fault: a path such as `body.owner_id.value`. */
  readonly field?: string
  /** Values that belong to the code. Clients see them: never a secret. */
  readonly metadata?: Readonly<Record<string, string>>
  readonly cause?: unknown
}

/**
 * The class of every error that sessiond throws on purpose. `code` is stable; docs/errors.md lists the codes. Messages
 * are for people, and may change.
 *
 * @example
 * ```ts
 * import { SessiondError } from 'sessiond/client'
 *
 * export function codeOf(error: unknown): string | undefined {
 *   return error instanceof SessiondError ? error.code : undefined
 * }
 * ```
 */
export abstract class SessiondError extends Error {
  abstract readonly code: ErrorCode
  readonly field: string | undefined
  readonly metadata: Readonly<Record<string, string>>

  constructor(message: string, facts: ErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause })
    this.name = new.target.name
    this.field = facts.field
    this.metadata = facts.metadata ?? {}
  }
}

const CALLER_CODES: ReadonlySet<string> = new Set(CALLER_ERROR_CODES)

/** Whether a text is the code of an error that callers see. */
export function isCallerCode(code: string): code is CallerErrorCode {
  return CALLER_CODES.has(code)
}

/** An error that its caller sees. Any other is a failure, of which callers learn nothing. */
export interface CallerError extends Omit<SessiondError, 'code'> {
  readonly code: CallerErrorCode
}

/** Whether the caller sees the error. */
export function isCallerError(error: unknown): error is CallerError {
  return error instanceof SessiondError && isCallerCode(error.code)
}

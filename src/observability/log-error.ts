import { SessiondError } from '../core/errors.js'

/** Causes of causes, at most. */
const MAX_DEPTH = 5
/** Of the system, and of LevelDB: their messages name an operation and a file. */
const TRUSTED_CODE = /^(?:E[A-Z0-9]+|LEVEL_\w+)$/

/** What is logged of an error: no more than is known to hold no secret. */
export interface LoggedError {
  readonly name: string
  readonly code?: string
  readonly message?: string
  /** Where it was thrown, one line a frame, without the message. */
  readonly stack?: string
  readonly cause?: LoggedError
}

/**
 * Who wrote the message of an error that is not ours did not know what is secret here: `JSON.parse`
 * quotes what it read, Node what it was given. Of such an error name, code and place are kept. Fields
 * that an error has beside these, such as gRPC metadata or request bytes, are kept of none.
 */
export function loggedError(error: unknown, depth = 1): LoggedError {
  if (!(error instanceof Error)) {
    return { name: typeof error }
  }
  const isOurs = error instanceof SessiondError
  const code = 'code' in error ? String(error.code) : undefined
  const stack = error.stack?.split('\n').filter((line) => /^ +at /.test(line))
  return {
    name: error.name,
    ...(code !== undefined && { code }),
    ...((isOurs || TRUSTED_CODE.test(code ?? '')) && { message: error.message }),
    ...(stack !== undefined && { stack: stack.map((line) => line.trim()).join('\n') }),
    ...(error.cause !== undefined &&
      depth < MAX_DEPTH && { cause: loggedError(error.cause, depth + 1) }),
  }
}

import { SessiondError } from '../core/errors.js'

/** How many errors of a chain of causes are logged. */
const MAX_DEPTH = 5
/** Codes of the system and of LevelDB, whose messages name only an operation and a file. */
const TRUSTED_CODE = /^(?:E[A-Z0-9]+|LEVEL_\w+)$/

/** The part of an error that cannot hold a secret. */
export interface LoggedError {
  readonly name: string
  readonly code?: string
  readonly message?: string
  /** One line a frame, without the message. */
  readonly stack?: string
  readonly cause?: LoggedError
}

/**
 * Leaves out the messages of other people's errors, which may quote secrets: `JSON.parse` quotes its input, Node its
 * arguments. Leaves out all further fields too, such as gRPC metadata or request bytes.
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

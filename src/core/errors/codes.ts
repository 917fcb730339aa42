// The codes of all our errors. Programs rely on them: never rename one, and never change what it means.

/**
 * Errors that callers see. Each transport has a `Record<CallerErrorCode, …>`, so a new code does not compile until
 * every transport maps it. docs/errors.md lists them.
 */
export const CALLER_ERROR_CODES = [
  'MALFORMED',
  'MISSING_FIELD',
  'INVALID_FIELD',
  'INVALID_LIFETIME',
  'UNSUPPORTED_VERSION',
  'EPOCH_DRIFT',
  'BAD_SIGNATURE',
  'CREDENTIAL_REQUIRED',
  'FORWARDED',
  'OWNER_KEY_MISMATCH',
  'SIGNER_NOT_ALLOWED',
  'TOKEN_REFUSED',
  'IDEMPOTENCY_KEY_REUSED',
  'SESSION_ENDED',
  'QUOTA_EXCEEDED',
  'RATE_LIMITED',
  'BUSY',
  'REQUEST_TIMEOUT',
  'NOT_FOUND',
  'CONFLICT',
  'KEY_NOT_CHANGED',
  'CLOCK_SUSPECT',
  'STORE_UNAVAILABLE',
  'STORE_DAMAGED',
  'SERVER_UNAVAILABLE',
] as const
export type CallerErrorCode = (typeof CALLER_ERROR_CODES)[number]

/** Requests that reach no use case. The transport that refuses one also decides how its caller sees that. */
export type TransportErrorCode = 'REQUEST_REFUSED' | 'ACT_NOT_FOUND' | 'METHOD_NOT_FOUND'

/** Errors that end a command, or the start of the server, with an exit code. */
export type OperatorErrorCode =
  | 'INVALID_CONFIG'
  | 'STORE_LOCKED'
  | 'STORE_MISMATCH'
  | 'INVALID_INPUT_FILE'
  | 'OUTPUT_FAILED'
  | 'LISTEN_FAILED'
  | 'DEPENDENCY_MISMATCH'
  | 'SEAL_INVALID'
  | 'INTERRUPTED'
  | 'NOTHING_MATCHED'

/** Errors that only the SDK throws. */
export type ClientErrorCode = 'CONNECTION_CLOSED' | 'UNTRUSTED_RESPONSE' | 'UNPROTECTED_TOKEN'

/** The names of google.rpc.Code, each at its number: what a call ends with on servers of every kind. */
export const STATUS_NAMES = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const

/**
 * What a remote server refuses with: one of our codes, else the name of its status. The server may be newer, or another
 * program: a reason of its own is no code.
 */
export type RemoteErrorCode = CallerErrorCode | (typeof STATUS_NAMES)[number]

/** The codes of all errors that sessiond throws on purpose: a closed set, for an exhaustive `switch`. */
export type ErrorCode =
  | CallerErrorCode
  | TransportErrorCode
  | OperatorErrorCode
  | ClientErrorCode
  | RemoteErrorCode

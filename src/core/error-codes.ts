// Every code of an error of ours. Programs rely on them: a code is never renamed, nor given another meaning.

/**
 * What callers are told of. Every transport maps each of them (`Record<CallerErrorCode, …>`): a code that is added
 * here does not compile until all do, and docs/errors.md lists it.
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
  'IDEMPOTENCY_KEY_REUSED',
  'SESSION_ENDED',
  'QUOTA_EXCEEDED',
  'RATE_LIMITED',
  'BUSY',
  'NOT_FOUND',
  'CONFLICT',
  'KEY_NOT_CHANGED',
  'CLOCK_SUSPECT',
  'STORE_UNAVAILABLE',
  'STORE_DAMAGED',
  'SERVER_UNAVAILABLE',
] as const
export type CallerErrorCode = (typeof CALLER_ERROR_CODES)[number]

/** Requests that do not reach a use case: the transport that refuses one says what its caller sees. */
export type TransportErrorCode = 'REQUEST_REFUSED' | 'ACT_NOT_FOUND' | 'METHOD_NOT_FOUND'

/** What ends a command or a start of the server, and so has an exit code. */
export type OperatorErrorCode =
  | 'INVALID_CONFIG'
  | 'STORE_LOCKED'
  | 'STORE_MISMATCH'
  | 'INVALID_INPUT_FILE'
  | 'LISTEN_FAILED'
  | 'DEPENDENCY_MISMATCH'
  | 'SEAL_INVALID'
  | 'INTERRUPTED'

/** What the SDK finds out by itself. */
export type ClientErrorCode = 'DEADLINE_EXCEEDED' | 'UNTRUSTED_RESPONSE' | 'UNPROTECTED_TOKEN'

export type ErrorCode = CallerErrorCode | TransportErrorCode | OperatorErrorCode | ClientErrorCode

declare const remote: unique symbol

/** The reason that a server elsewhere gave. It may be of a newer release, or none of ours. */
export type RemoteErrorCode = string & { readonly [remote]: true }

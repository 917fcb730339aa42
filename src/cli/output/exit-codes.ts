import { CommandError, RefusedError } from '../../client/errors.js'
import type {
  CallerErrorCode,
  ClientErrorCode,
  OperatorErrorCode,
  SessiondError,
} from '../../core/errors.js'

/** For wrong usage of the command line, which is found before anything runs. */
export const USAGE_EXIT_CODE = 2

/** By the code of the error. docs/operations.md lists them, with the 6 of `signals.ts`. */
export const EXIT_CODES: Readonly<Record<OperatorErrorCode | ClientErrorCode, number>> &
  Readonly<Partial<Record<CallerErrorCode, number>>> = {
  INTERRUPTED: 1,
  SEAL_INVALID: 1,
  DEPENDENCY_MISMATCH: 1,
  OUTPUT_FAILED: 1,
  CONNECTION_CLOSED: 1,
  UNTRUSTED_RESPONSE: 1,
  INVALID_CONFIG: USAGE_EXIT_CODE,
  UNPROTECTED_TOKEN: USAGE_EXIT_CODE,
  STORE_LOCKED: 3,
  STORE_MISMATCH: 4,
  STORE_DAMAGED: 4,
  INVALID_INPUT_FILE: 4,
  LISTEN_FAILED: 5,
  NOTHING_MATCHED: 7,
}

/** What the process ends with after an error of ours: 1 where the table has no more to say. */
export function exitCodeOf(error: SessiondError): number {
  // What a server gives as its reason says nothing of this process.
  const isRemote = error instanceof RefusedError || error instanceof CommandError
  const codes: Readonly<Record<string, number>> = EXIT_CODES
  return (isRemote ? undefined : codes[error.code]) ?? 1
}

import { SessiondError } from './sessiond-error.js'

// Errors that operators see: of files, keys and addresses.

/** A sealed private key does not open: it was altered, belongs to another session, or its sealing key is missing. */
export class SealError extends SessiondError {
  readonly code = 'SEAL_INVALID'

  constructor(problem: string, cause?: unknown) {
    super(`the sealed key ${problem}`, { cause })
  }
}

/** Another process has the store open. */
export class StoreLockedError extends SessiondError {
  readonly code = 'STORE_LOCKED'

  constructor(location: string, cause?: unknown) {
    super(
      `${location} is in use by another process: stop that one, or use another data directory`,
      { cause },
    )
  }
}

/** The store was made with other settings, or by a release whose data this one cannot read. */
export class StoreMismatchError extends SessiondError {
  readonly code = 'STORE_MISMATCH'
}

/** A file that the operator gave is not what it should be. */
export class InputFileError extends SessiondError {
  readonly code = 'INVALID_INPUT_FILE'

  constructor(file: string, problem: string, cause?: unknown) {
    super(`${file}: ${problem}`, { cause })
  }
}

/** Standard output of a command cannot be written. */
export class OutputError extends SessiondError {
  readonly code = 'OUTPUT_FAILED'

  constructor(cause: Error) {
    super(`standard output cannot be written: ${cause.message}`, { cause })
  }
}

/** A key of the server could not be changed. The current one stays in force. */
export class KeyChangeError extends SessiondError {
  readonly code = 'KEY_NOT_CHANGED'

  constructor(problem: string, cause?: unknown) {
    super(`the key in force stays: ${problem}`, { cause })
  }
}

/** Another key of the server is in force, but the store that servers share was not told of it. */
export class KeyUntoldError extends SessiondError {
  readonly code = 'STORE_UNAVAILABLE'

  /** `change`: what is in force. `advice`: how to tell the store. */
  constructor(change: string, advice: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    super(
      `${change}, but the store, with which other servers compare their keys, was not told (${reason}). Once it ` +
        `answers, ${advice}`,
      { cause },
    )
  }
}

/** A package that is installed lacks something that is needed of it, and that it never promised. */
export class DependencyMismatchError extends SessiondError {
  readonly code = 'DEPENDENCY_MISMATCH'

  constructor(name: string, missing: string, release: string, cause?: unknown) {
    super(`the installed ${name} lacks ${missing}: install release ${release} of it`, { cause })
  }
}

/** The server cannot listen on an address. */
export class ListenError extends SessiondError {
  readonly code = 'LISTEN_FAILED'

  constructor(option: string, address: string, cause: Error & { readonly code?: string }) {
    const problem = cause.code === 'EADDRINUSE' ? 'free that address, or' : `${cause.message}:`
    super(`cannot listen on ${address}: ${problem} give another with ${option}`, { cause })
  }
}

/** What a command was to work on is not there. */
export class NothingMatchedError extends SessiondError {
  readonly code = 'NOTHING_MATCHED'
}

import { SessiondError } from './sessiond-error.js'

// What a server's operator is told of its files, keys and addresses.

/** A sealed private key does not open: altered, of another session, or its sealing key is not at hand. */
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

/** The store was made under other settings, or by a release that this one cannot read. */
export class StoreMismatchError extends SessiondError {
  readonly code = 'STORE_MISMATCH'
}

/** A key file, an owners file or another input of the operator's is not what it should be. */
export class InputFileError extends SessiondError {
  readonly code = 'INVALID_INPUT_FILE'

  constructor(file: string, problem: string, cause?: unknown) {
    super(`${file}: ${problem}`, { cause })
  }
}

/** A key of the server's was to change and did not: the one in force stays so. */
export class KeyChangeError extends SessiondError {
  readonly code = 'KEY_NOT_CHANGED'

  constructor(problem: string, cause?: unknown) {
    super(`the key in force stays: ${problem}`, { cause })
  }
}

/** A package that is installed lacks something that is needed of it, and that it never promised. */
export class DependencyMismatchError extends SessiondError {
  readonly code = 'DEPENDENCY_MISMATCH'

  constructor(name: string, missing: string, release: string, cause?: unknown) {
    super(`the installed ${name} lacks ${missing}: install release ${release} of it`, { cause })
  }
}

/** A listener could not be opened. */
export class ListenError extends SessiondError {
  readonly code = 'LISTEN_FAILED'

  constructor(option: string, address: string, cause: Error & { readonly code?: string }) {
    const problem = cause.code === 'EADDRINUSE' ? 'free that address, or' : `${cause.message}:`
    super(`cannot listen on ${address}: ${problem} give another with ${option}`, { cause })
  }
}

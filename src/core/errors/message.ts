import { SessiondError } from './sessiond-error.js'

// What is wrong with the bytes or the fields of a request.

/** The bytes are not a message of the contract, or break a rule of its structure. */
export class MalformedError extends SessiondError {
  readonly code = 'MALFORMED'

  /** `field`: empty if the whole message is at fault. */
  constructor(field: string, problem: string, cause?: unknown) {
    super(field === '' ? problem : `${field}: ${problem}`, {
      ...(field !== '' && { field }),
      cause,
    })
  }
}

/** A required field is missing. */
export class MissingFieldError extends SessiondError {
  readonly code = 'MISSING_FIELD'

  constructor(field: string) {
    super(`${field} is required`, { field })
  }
}

/** Some fields are keys that a caller made up, so they may be long. */
const MAX_FIELD_CHARS = 256

/** A field is well formed, but its value is not allowed. */
export class InvalidFieldError extends SessiondError {
  readonly code = 'INVALID_FIELD'

  constructor(field: string, problem: string) {
    const name = field.length > MAX_FIELD_CHARS ? `${field.slice(0, MAX_FIELD_CHARS)}…` : field
    super(`${name} ${problem}`, { field: name })
  }
}

/** The request has another major version of the protocol. */
export class VersionError extends SessiondError {
  readonly code = 'UNSUPPORTED_VERSION'

  constructor(field: string, major: number, supportedMajor: number) {
    super(`${field} is ${major}; this server speaks major version ${supportedMajor}`, {
      field,
      metadata: { supported_major: `${supportedMajor}` },
    })
  }
}

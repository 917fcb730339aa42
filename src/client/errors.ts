import type { status } from '@grpc/grpc-js'
import { type ErrorFacts, type RemoteErrorCode, SessiondError } from '../core/errors.js'

/**
 * The server, or something on the way to it, refused the call. `code` is the server's stable reason
 * (`QUOTA_EXCEEDED`, `OWNER_KEY_MISMATCH`, …; see docs/errors.md), or the name of the gRPC code where there is none.
 */
export class RefusedError extends SessiondError {
  readonly code: RemoteErrorCode

  constructor(
    readonly grpcCode: status,
    reason: string,
    message: string,
    facts: ErrorFacts = {},
  ) {
    super(message, facts)
    this.code = reason as RemoteErrorCode
  }

  /** The server's epoch, where the refusal was about time. */
  get serverEpoch(): bigint | undefined {
    const { server_epoch: epoch = '' } = this.metadata
    // Whoever answers may write what he likes there.
    return /^-?\d{1,20}$/.test(epoch) ? BigInt(epoch) : undefined
  }
}

/** The server refused a sessions command. `code` is its stable reason, such as `NOT_FOUND`. */
export class CommandError extends SessiondError {
  readonly code: RemoteErrorCode

  constructor(
    code: string,
    message: string,
    /** As in HTTP. */
    readonly status: number,
    /** As in the pip-services convention, such as `NotFound`. */
    readonly category: string,
    facts: ErrorFacts = {},
  ) {
    super(message, facts)
    this.code = code as RemoteErrorCode
  }
}

/** No answer came before the deadline. The outcome is unknown; the last failure is `cause`. */
export class DeadlineError extends SessiondError {
  readonly code = 'DEADLINE_EXCEEDED'

  constructor(deadlineMs: number, attempts: number, cause?: unknown) {
    super(`no answer within ${deadlineMs} ms (${attempts} attempts)`, { cause })
  }
}

/** The answer is not one that a pinned server gave to this very request. Do not use what it says. */
export class UntrustedResponseError extends SessiondError {
  readonly code = 'UNTRUSTED_RESPONSE'

  constructor(problem: string, cause?: unknown) {
    super(`the response cannot be trusted: ${problem}`, { cause })
  }
}

/** A token would go to another machine for everyone on the way to read. Nothing was sent. */
export class UnprotectedTokenError extends SessiondError {
  readonly code = 'UNPROTECTED_TOKEN'

  constructor(address: string) {
    super(
      `the token is not sent to ${address} without TLS: connect with tls (--tls), or, where a proxy ` +
        'on this machine or a mesh protects the way, allow it with plaintext (--plaintext)',
    )
  }
}

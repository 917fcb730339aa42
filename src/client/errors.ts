import type { status } from '@grpc/grpc-js'
import { type ErrorFacts, type RemoteErrorCode, SessiondError } from '../core/errors.js'

/**
 * The server, or a proxy in front of it, refused a call. `code` is the server's stable reason (`QUOTA_EXCEEDED`,
 * `OWNER_KEY_MISMATCH`, …; docs/errors.md lists them), or the name of the gRPC status where it gave no reason.
 *
 * @example
 * ```ts
 * import { RefusedError } from 'sessiond/client'
 *
 * export function isOverQuota(error: unknown): boolean {
 *   return error instanceof RefusedError && error.code === 'QUOTA_EXCEEDED'
 * }
 * ```
 */
export class RefusedError extends SessiondError {
  readonly code: RemoteErrorCode

  constructor(
    /** The gRPC status, a number: 8 is RESOURCE_EXHAUSTED. */
    readonly grpcCode: status,
    reason: string,
    message: string,
    facts: ErrorFacts = {},
  ) {
    super(message, facts)
    this.code = reason as RemoteErrorCode
  }

  /** The server's epoch when it refused a request because of its times; else undefined. */
  get serverEpoch(): bigint | undefined {
    const { server_epoch: epoch = '' } = this.metadata
    // Untrusted: the peer controls this text.
    return /^-?\d{1,20}$/.test(epoch) ? BigInt(epoch) : undefined
  }
}

/**
 * The server refused a sessions command. `code` is its stable reason, such as `NOT_FOUND` (docs/errors.md).
 *
 * @example
 * ```ts
 * import { CommandError, type SessionsClient } from 'sessiond/client'
 *
 * export async function storeCart(sessions: SessionsClient, id: string): Promise<boolean> {
 *   try {
 *     await sessions.storeData(id, JSON.stringify({ cart: [1, 2] }))
 *     return true
 *   } catch (error) {
 *     if (error instanceof CommandError && error.code === 'NOT_FOUND') {
 *       return false
 *     }
 *     throw error
 *   }
 * }
 * ```
 */
export class CommandError extends SessiondError {
  readonly code: RemoteErrorCode

  constructor(
    code: string,
    message: string,
    /** The HTTP status of this kind of error, such as 404. */
    readonly status: number,
    /** The pip-services category, such as `NotFound`. */
    readonly category: string,
    facts: ErrorFacts = {},
  ) {
    super(message, facts)
    this.code = code as RemoteErrorCode
  }
}

/**
 * No answer came before the deadline, in any attempt. Whether the session was opened is unknown; `cause` is the last
 * failure. Ask again with the same `idempotencyKey` and `issueTimeMs` to get that session rather than a second one.
 *
 * @example
 * ```ts
 * import { type Connection, createSession, type CreateSessionOptions, DeadlineError } from 'sessiond/client'
 *
 * export async function createPatiently(server: Connection, options: CreateSessionOptions) {
 *   const once = { ...options, idempotencyKey: crypto.randomUUID(), issueTimeMs: Date.now() }
 *   try {
 *     return await createSession(server, once)
 *   } catch (error) {
 *     if (!(error instanceof DeadlineError)) {
 *       throw error
 *     }
 *     return createSession(server, { ...once, deadlineMs: 60_000 })
 *   }
 * }
 * ```
 */
export class DeadlineError extends SessiondError {
  readonly code = 'DEADLINE_EXCEEDED'

  constructor(deadlineMs: number, attempts: number, cause?: unknown) {
    super(`no answer within ${deadlineMs} ms (attempts: ${attempts})`, { cause })
  }
}

/**
 * The answer was not signed by a pinned key for this very request. Do not use it: someone may stand between you and
 * the server, or the server's key has changed.
 *
 * @example
 * ```ts
 * import { type Connection, createSession, type CreateSessionOptions, UntrustedResponseError } from 'sessiond/client'
 *
 * export async function createOrAlert(server: Connection, options: CreateSessionOptions) {
 *   try {
 *     return await createSession(server, options)
 *   } catch (error) {
 *     if (error instanceof UntrustedResponseError) {
 *       console.error('check the pinned key with `sessiond identity`:', error.message)
 *     }
 *     throw error
 *   }
 * }
 * ```
 */
export class UntrustedResponseError extends SessiondError {
  readonly code = 'UNTRUSTED_RESPONSE'

  constructor(problem: string, cause?: unknown) {
    super(`the response cannot be trusted: ${problem}`, { cause })
  }
}

/**
 * The token would cross the network unencrypted, so nothing was sent. Use TLS, or set `plaintext` where a proxy on this
 * machine or a mesh encrypts the connection.
 *
 * @example
 * ```ts
 * import { connect, UnprotectedTokenError } from 'sessiond/client'
 *
 * try {
 *   connect('sessions.example:8090', { serverKeys: 'any', adminToken: 'secret' })
 * } catch (error) {
 *   console.log(error instanceof UnprotectedTokenError) // true: `tls` is missing
 * }
 * ```
 */
export class UnprotectedTokenError extends SessiondError {
  readonly code = 'UNPROTECTED_TOKEN'

  constructor(address: string) {
    super(
      `the token is not sent to ${address} without TLS: connect with tls (--tls), or, where a proxy ` +
        'on this machine or a mesh protects the way, allow it with plaintext (--plaintext)',
    )
  }
}

import type { status } from '@grpc/grpc-js'
import {
  type ErrorFacts,
  isCallerCode,
  type RemoteErrorCode,
  SessiondError,
  STATUS_NAMES,
} from '../core/errors.js'

/**
 * The server, or a proxy in front of it, refused a call. `code` is the server's stable reason (`QUOTA_EXCEEDED`,
 * `OWNER_KEY_MISMATCH`, …; docs/errors.md lists them), or the name of the gRPC status where it gave none that this
 * release knows.
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
    /** What the server gave as its reason, also where that is no code of this release. */
    readonly reason: string,
    message: string,
    facts: ErrorFacts = {},
  ) {
    super(message, facts)
    this.code = isCallerCode(reason) ? reason : (STATUS_NAMES[grpcCode] ?? 'UNKNOWN')
  }

  /** The server's epoch when it refused a request because of its times; else undefined. */
  get serverEpoch(): bigint | undefined {
    const { server_epoch: epoch = '' } = this.metadata
    // Untrusted: the peer controls this text.
    return /^-?\d{1,20}$/.test(epoch) ? BigInt(epoch) : undefined
  }
}

/**
 * The server refused a sessions command. `code` is its stable reason, such as `NOT_FOUND` (docs/errors.md), or `UNKNOWN`
 * where it gave none that this release knows.
 *
 * @example
 * ```ts
 * import { CommandError, type SessionsClient } from 'sessiond/client'
 *
 * export async function storeCart(sessions: SessionsClient, id: string): Promise<boolean> {
 *   try {
 *     await sessions.storeData(id, { cart: [1, 2] })
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
    /** What the server gave as its reason, also where that is no code of this release. */
    readonly reason: string,
    message: string,
    /** The HTTP status of this kind of error, such as 404. */
    readonly status: number,
    /** The pip-services category, such as `NotFound`. */
    readonly category: string,
    facts: ErrorFacts = {},
  ) {
    super(message, facts)
    const code = reason === MALFORMED_REASON ? 'MALFORMED' : reason
    this.code = isCallerCode(code) ? code : 'UNKNOWN'
  }
}

/** What the convention of these commands calls `MALFORMED`. */
const MALFORMED_REASON = 'InvalidContent'

/**
 * The connection was closed here, by `close` or the end of its scope. The call was under way, or came after that. Whether
 * the server did what a call under way asked for is unknown.
 *
 * @example
 * ```ts
 * import { connect, ConnectionClosedError, SessionsClient } from 'sessiond/client'
 *
 * const server = connect('127.0.0.1:8090', { serverKeys: 'any' })
 * const pages = new SessionsClient(server).list().catch((error: unknown) => {
 *   console.log(error instanceof ConnectionClosedError) // true
 * })
 * server.close()
 * await pages
 * ```
 */
export class ConnectionClosedError extends SessiondError {
  readonly code = 'CONNECTION_CLOSED'

  constructor(address: string) {
    super(`the connection to ${address} was closed here: connect again`)
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

import { randomUUID } from 'node:crypto'
import { uuidText } from '../core/uuid.js'
import { readCreateResponse } from '../envelope/create.js'
import { askPatiently, type CallOptions } from './connection/ask.js'
import type { Connection } from './connection/connect.js'
import { CreatedSession } from './created-session.js'
import { UntrustedResponseError } from './errors.js'
import { prepareRequest, type RequestOptions } from './request.js'
import { pinnedSigner, trusted } from './trusted.js'

/** Which session to open, and how long to try. */
export interface CreateSessionOptions extends Omit<RequestOptions, 'idempotencyKey'>, CallOptions {
  /**
   * 1 to 128 bytes. Give your own, with `issueTimeMs`, to ask for the same session again, even after a restart.
   * Default: a new random key for each call.
   */
  readonly idempotencyKey?: string
  /**
   * When the session begins, Unix milliseconds. Default: now. The same key, time, owner and lifetime ask for the same
   * session, while the time is within the server's `--max-epoch-drift`.
   */
  readonly issueTimeMs?: number
}

/**
 * Opens a session. Retries while the server is unavailable or asks to come back later; this is safe because every
 * attempt carries the same idempotency key.
 *
 * @throws {RefusedError} The server refused; `code` says why.
 * @throws {ServerUnavailableError} The server cannot be reached, or did not answer in time. The outcome is unknown: ask
 * again with the same `idempotencyKey` and `issueTimeMs` to get that session rather than a second one.
 * @throws {UntrustedResponseError} No pinned server signed the answer for this request.
 * @throws {ConnectionClosedError} The connection was closed. The outcome is unknown.
 * @throws {RangeError} `lifetimeMs`, `issueTimeMs` or `deadlineMs` is not a number of milliseconds.
 *
 * @example
 * ```ts
 * import { readFile } from 'node:fs/promises'
 * import { connect, createSession, privateKeyFromPem } from 'sessiond/client'
 *
 * const server = connect('127.0.0.1:8090', { serverKeys: [process.env.SERVER_KEY ?? ''] })
 * const ownerKey = privateKeyFromPem(await readFile('owner.key', 'utf8'), 'owner.key')
 * const session = await createSession(server, { ownerKey, lifetimeMs: 3_600_000 })
 * console.log(JSON.stringify(session))
 * server.close()
 * ```
 */
export async function createSession(
  connection: Connection,
  options: CreateSessionOptions,
): Promise<CreatedSession> {
  const request = prepareRequest(
    { ...options, idempotencyKey: options.idempotencyKey ?? randomUUID() },
    connection.epochs,
    options.issueTimeMs ?? Date.now(),
  )
  const question = { path: '/session.Session/Create', request: request.bytes }
  const response = await askPatiently(connection, question, options)
  const { id, publicKey, serverKey } = readTrusted(response, request.digest, connection.serverKeys)
  const { owner, lifetime } = request
  return new CreatedSession({ id, publicKey, owner, lifetime, serverKey })
}

/** Accepts a response only if a pinned key signed it for this very request. */
function readTrusted(
  response: Uint8Array,
  requestDigest: string,
  serverKeys: Connection['serverKeys'],
): Pick<CreatedSession, 'id' | 'publicKey' | 'serverKey'> {
  return trusted(() => {
    const { message, id, sessionKey, answers } = readCreateResponse(response)
    const serverKey = pinnedSigner(message, serverKeys)
    if (answers !== requestDigest) {
      throw new UntrustedResponseError('it answers another request')
    }
    return { id: uuidText(id), publicKey: sessionKey, serverKey }
  })
}

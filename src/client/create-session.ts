import { randomUUID } from 'node:crypto'
import type { TokenLifetime } from '#generated/service/meta'
import { uuidText } from '../core/uuid.js'
import { readCreateRequest, readCreateResponse } from '../envelope/create.js'
import { requestDigest } from '../envelope/digest.js'
import type { Connection } from './connection/connect.js'
import { type CallOptions, callPatiently } from './connection/patient-call.js'
import { UntrustedResponseError } from './errors.js'
import { prepareRequest, type RequestOptions } from './request.js'
import { pinnedSigner, trusted } from './trusted.js'

const CREATE_PATH = '/session.Session/Create'

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

/** A session that the server opened. */
export interface CreatedSession {
  /** A UUIDv4. */
  readonly id: string
  /** The session's public key: Ed25519, 32 bytes. The private half stays sealed in the server. */
  readonly publicKey: Uint8Array
  /** The owner's id, 1 to 64 bytes. */
  readonly owner: Uint8Array
  /** First and last epoch in which the session is valid (`nbf`, `exp`), and the epoch of issue (`iat`). */
  readonly lifetime: TokenLifetime
  /** The key that signed the answer: Ed25519, 32 bytes. */
  readonly serverKey: Uint8Array
}

/**
 * Opens a session. Retries while the server is unavailable or asks to come back later; this is safe because every
 * attempt carries the same idempotency key.
 *
 * @throws {RefusedError} The server refused; `code` says why.
 * @throws {DeadlineError} No answer came in time. The outcome is unknown.
 * @throws {UntrustedResponseError} No pinned server signed the answer for this request.
 * @throws {RangeError} `lifetimeMs`, `issueTimeMs` or `deadlineMs` is not a number of milliseconds.
 *
 * @example
 * ```ts
 * import { readFile } from 'node:fs/promises'
 * import { connect, createSession, privateKeyFromPem, publicKeyFromText } from 'sessiond/client'
 *
 * const serverKeys = [publicKeyFromText(process.env.SERVER_KEY ?? '', 'SERVER_KEY')]
 * const server = connect('127.0.0.1:8090', { serverKeys })
 * const ownerKey = privateKeyFromPem(await readFile('owner.key', 'utf8'), 'owner.key')
 * const { id, publicKey } = await createSession(server, { ownerKey, lifetimeMs: 3_600_000 })
 * console.log(id, Buffer.from(publicKey).toString('hex'))
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
  const response = await callPatiently(connection.client, CREATE_PATH, request.bytes, options)
  const { id, publicKey, serverKey } = readTrusted(response, request.bytes, connection.serverKeys)
  return {
    id,
    publicKey,
    serverKey,
    owner: request.owner,
    lifetime: request.lifetime,
  }
}

/** Accepts a response only if a pinned key signed it for this very request. */
function readTrusted(
  response: Uint8Array,
  request: Uint8Array,
  serverKeys: Connection['serverKeys'],
): Pick<CreatedSession, 'id' | 'publicKey' | 'serverKey'> {
  return trusted(() => {
    const { message, id, sessionKey, answers } = readCreateResponse(response)
    const serverKey = pinnedSigner(message, serverKeys)
    if (answers !== requestDigest(readCreateRequest(request).message)) {
      throw new UntrustedResponseError('it answers another request')
    }
    return { id: uuidText(id), publicKey: sessionKey, serverKey }
  })
}

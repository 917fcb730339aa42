import { randomUUID } from 'node:crypto'
import { status } from '@grpc/grpc-js'
import { hex } from '@scure/base'
import type { TokenLifetime } from '#generated/service/meta'
import { SessiondError } from '../core/errors.js'
import { uuidText } from '../core/uuid.js'
import { nodeEd25519 } from '../crypto/node-ed25519.js'
import { cachedVerify, schemeVerifier } from '../crypto/schemes.js'
import { type ChainVerifiers, verifyChain } from '../envelope/chain.js'
import { readCreateRequest, readCreateResponse } from '../envelope/create.js'
import { requestDigest } from '../envelope/digest.js'
import { sleep } from '../net/timers.js'
import { callUnary } from './connection/call.js'
import type { Connection } from './connection/connect.js'
import { withRetries } from './connection/retry.js'
import { DeadlineError, RefusedError, UntrustedResponseError } from './errors.js'
import { prepareRequest, type RequestOptions } from './request.js'

const DEFAULT_DEADLINE_MS = 10_000
const CREATE_PATH = '/session.Session/Create'
const verify = schemeVerifier(nodeEd25519)
/** What a server signs over no origin is the same in every answer; its meta headers name the request. */
const REMEMBERED_HEADERS = 100
const verifiers: ChainVerifiers = { body: verify, header: cachedVerify(verify, REMEMBERED_HEADERS) }

/** Which session to open, and how long to try. */
export interface CreateSessionOptions extends Omit<RequestOptions, 'idempotencyKey'> {
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
  /** Milliseconds for the call and all its retries. Infinity: no limit. Default: 10,000. */
  readonly deadlineMs?: number
  /** Stops waiting and throws the signal's reason. Whether the session was opened is then unknown. */
  readonly signal?: AbortSignal
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
  const deadlineMs = options.deadlineMs ?? DEFAULT_DEADLINE_MS
  const startedAtMs = Date.now()
  const request = prepareRequest(
    { ...options, idempotencyKey: options.idempotencyKey ?? randomUUID() },
    connection.epochs,
    options.issueTimeMs ?? startedAtMs,
  )
  const deadlineAtMs = startedAtMs + deadlineMs
  let attempts = 0
  const attempt = () => {
    attempts++
    return callUnary(connection.client, CREATE_PATH, request.bytes, deadlineAtMs, options.signal)
  }
  const ports = {
    nowMs: Date.now,
    random: Math.random,
    sleep: (ms: number) => sleep(ms, options.signal),
  }
  let response: Uint8Array
  try {
    response = await withRetries(attempt, deadlineAtMs, retryDelayMs, ports)
  } catch (error) {
    if (error instanceof RefusedError && error.grpcCode === status.DEADLINE_EXCEEDED) {
      throw new DeadlineError(deadlineMs, attempts, error)
    }
    throw error
  }
  const { id, publicKey, serverKey } = readTrusted(response, request.bytes, connection.serverKeys)
  return {
    id,
    publicKey,
    serverKey,
    owner: request.owner,
    lifetime: request.lifetime,
  }
}

/** How long to wait before the next attempt; null where the server does not invite one. */
function retryDelayMs(error: unknown): number | null {
  if (!(error instanceof RefusedError)) {
    return null
  }
  const { retry_delay_ms: askedMs } = error.metadata
  if (askedMs === undefined) {
    return error.grpcCode === status.UNAVAILABLE ? 0 : null
  }
  // Untrusted: NaN would mean retries without any wait.
  return Number.isNaN(Number(askedMs)) ? null : Number(askedMs)
}

/** Accepts a response only if a pinned key signed it for this very request. */
function readTrusted(
  response: Uint8Array,
  request: Uint8Array,
  serverKeys: Connection['serverKeys'],
): Pick<CreatedSession, 'id' | 'publicKey' | 'serverKey'> {
  try {
    const { message, id, sessionKey, answers } = readCreateResponse(response)
    const serverKey = verifyChain(message, verifiers)
    if (serverKeys !== 'any' && !serverKeys.some((key) => Buffer.compare(key, serverKey) === 0)) {
      const seen = hex.encode(serverKey)
      throw new UntrustedResponseError(`it is signed by ${seen}, which is not a pinned server key`)
    }
    if (answers !== requestDigest(readCreateRequest(request).message)) {
      throw new UntrustedResponseError('it answers another request')
    }
    return { id: uuidText(id), publicKey: sessionKey, serverKey: Uint8Array.from(serverKey) }
  } catch (error) {
    if (error instanceof SessiondError && !(error instanceof UntrustedResponseError)) {
      throw new UntrustedResponseError(error.message, error)
    }
    throw error
  }
}

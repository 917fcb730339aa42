import { randomUUID } from 'node:crypto'
import { status } from '@grpc/grpc-js'
import type { TokenLifetime } from '#generated/service/meta'
import { SessiondError } from '../core/errors.js'
import { uuidText } from '../core/uuid.js'
import { schemeVerifier } from '../crypto/schemes.js'
import { naclEd25519 } from '../crypto/tweetnacl.js'
import { verifyChain } from '../envelope/chain.js'
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
const verify = schemeVerifier(naclEd25519)

export interface CreateSessionOptions extends Omit<RequestOptions, 'idempotencyKey'> {
  /** Your own, with `issueTimeMs`, to ask again for the same session, also after a restart. Default: a new one. */
  readonly idempotencyKey?: string
  /**
   * When the session begins, Unix milliseconds. The same key, time, owner and lifetime ask for the same session,
   * for as long as the time is within the server's `--max-epoch-drift`. Default: now.
   */
  readonly issueTimeMs?: number
  /** For the call with all its retries; Infinity is none. Default: 10 s. */
  readonly deadlineMs?: number
  /** Stops waiting; whether the session was opened is then unknown. */
  readonly signal?: AbortSignal
}

/** A session that the server opened. */
export interface CreatedSession {
  /** A UUIDv4. */
  readonly id: string
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array
  readonly owner: Uint8Array
  /** Epochs. */
  readonly lifetime: TokenLifetime
  /** The key that signed the response, 32 bytes. */
  readonly serverKey: Uint8Array
}

/**
 * Opens a session. Retries while the server is unavailable or asks to come back later; that is safe, since an idempotency key
 * goes with the request. Throws RefusedError, DeadlineError or UntrustedResponseError.
 */
export async function createSession(
  connection: Connection,
  options: CreateSessionOptions,
): Promise<CreatedSession> {
  const deadlineMs = options.deadlineMs ?? DEFAULT_DEADLINE_MS
  const startMs = Date.now()
  const request = prepareRequest(
    { ...options, idempotencyKey: options.idempotencyKey ?? randomUUID() },
    connection.epochs,
    options.issueTimeMs ?? startMs,
  )
  const deadlineTimeMs = startMs + deadlineMs
  let attempts = 0
  const attempt = () => {
    attempts++
    return callUnary(connection.client, CREATE_PATH, request.bytes, deadlineTimeMs, options.signal)
  }
  const ports = {
    nowMs: Date.now,
    random: Math.random,
    sleep: (ms: number) => sleep(ms, options.signal),
  }
  let response: Uint8Array
  try {
    response = await withRetries(attempt, deadlineTimeMs, retryDelayMs, ports)
  } catch (error) {
    // Whatever was interrupted, a call or the wait before the next, the caller's reason is what counts.
    options.signal?.throwIfAborted()
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

/** What the server says may be tried again, in its time, or never reached it. */
function retryDelayMs(error: unknown): number | null {
  if (!(error instanceof RefusedError)) {
    return null
  }
  const { retry_delay_ms: askedMs } = error.metadata
  if (askedMs === undefined) {
    return error.grpcCode === status.UNAVAILABLE ? 0 : null
  }
  // Whatever stands there: no number would be no wait at all, again and again.
  return Number.isNaN(Number(askedMs)) ? null : Number(askedMs)
}

/** Believes a response only where a pinned key signed it, and for this very request. */
function readTrusted(
  response: Uint8Array,
  request: Uint8Array,
  serverKeys: Connection['serverKeys'],
): Pick<CreatedSession, 'id' | 'publicKey' | 'serverKey'> {
  try {
    const { message, id, sessionKey, answers } = readCreateResponse(response)
    const serverKey = verifyChain(message, { body: verify, header: verify })
    if (serverKeys !== 'any' && !serverKeys.some((key) => Buffer.compare(key, serverKey) === 0)) {
      const seen = Buffer.from(serverKey).toString('hex')
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

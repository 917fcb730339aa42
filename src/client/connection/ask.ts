import { type Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { sleep } from '../../net/timers.js'
import { RefusedError } from '../errors.js'
import { callUnary } from './call.js'
import { callsOf } from './calls-under-way.js'
import type { Connection } from './connect.js'
import { explain, type Service } from './explain.js'
import { fullPolicy, type RetryPolicy, withRetries } from './retry.js'

/** How long a call may take, how often it is tried, and what ends it. */
export interface CallOptions {
  /** Milliseconds for the call and all its retries. Infinity: no limit. Default: 5,000; of `createSession` and `TokensClient` 10,000. */
  readonly deadlineMs?: number | undefined
  /** Stops waiting and throws the signal's reason. What the server did is then unknown. */
  readonly signal?: AbortSignal | undefined
  /**
   * Tries again while the server cannot be reached or asks to come back later. What is not safe to do twice is only tried
   * again where it was certainly not done. Default: one attempt; of `createSession` and `TokensClient` as many as the
   * deadline allows.
   */
  readonly retry?: RetryPolicy | undefined
}

/** What a call asks for. */
export interface Question {
  /** Such as `/session.Session/Create`. */
  readonly path: string
  readonly service: Service
  readonly request: Uint8Array
  /** Whether asking twice does the same as asking once. */
  readonly isRepeatable: boolean
  readonly metadata?: Metadata | undefined
}

const DEFAULT_DEADLINE_MS = 5_000
const ONCE: RetryPolicy = { attempts: 1 }

/**
 * Calls a method and returns its answer. Throws ServerUnavailableError, RefusedError, ConnectionClosedError, the signal's
 * reason, and RangeError where an option is no number.
 */
export async function ask(
  { client, address }: Connection,
  { path, service, request, isRepeatable, metadata }: Question,
  { deadlineMs = DEFAULT_DEADLINE_MS, signal, retry = ONCE }: CallOptions,
): Promise<Uint8Array> {
  const deadlineAtMs = Date.now() + deadlineMs
  let attempts = 0
  const attempt = () => {
    attempts++
    return callUnary(client, path, request, deadlineAtMs, signal, metadata)
  }
  const delayMs = (error: unknown) => retryDelayMs(error, isRepeatable)
  const ports = {
    nowMs: Date.now,
    random: Math.random,
    async sleep(ms: number) {
      const waiting = new AbortController()
      const wait = callsOf(client).add(signal, () => waiting.abort())
      try {
        await sleep(ms, waiting.signal)
      } catch (error) {
        throw wait.reasonOf(error)
      } finally {
        wait.forget()
      }
    },
  }
  try {
    return await withRetries(attempt, deadlineAtMs, delayMs, ports, fullPolicy(retry))
  } catch (error) {
    throw explain(error, address, service, attempts)
  }
}

/** What is opened or signed is never done twice: the request carries an idempotency key, or asking again does no harm. */
const PATIENCE: CallOptions = { deadlineMs: 10_000, retry: {} }

/** As `ask`, for what may be repeated and is until the deadline, ten seconds by default, unless an option says otherwise. */
export function askPatiently(
  connection: Connection,
  { path, request }: Pick<Question, 'path' | 'request'>,
  options: CallOptions,
): Promise<Uint8Array> {
  const [, name = ''] = path.split('/')
  const service = { name, isForOperators: false }
  const question = { path, service, request, isRepeatable: true }
  return ask(connection, question, mergeOptions(PATIENCE, options))
}

/** Options of a client, with those of one call in their place. Both signals count. */
export function mergeOptions(ofClient: CallOptions, ofCall: CallOptions): CallOptions {
  const signals = [ofClient.signal, ofCall.signal].filter((signal) => signal !== undefined)
  return {
    deadlineMs: ofCall.deadlineMs ?? ofClient.deadlineMs,
    retry: ofCall.retry ?? ofClient.retry,
    signal: signals.length > 1 ? AbortSignal.any(signals) : signals[0],
  }
}

/** How long to wait before the next attempt; null where the server does not invite one, or it could do harm. */
function retryDelayMs(error: unknown, isRepeatable: boolean): number | null {
  if (!(error instanceof RefusedError) || !(isRepeatable || isUndone(error))) {
    return null
  }
  const { retry_delay_ms: askedMs } = error.metadata
  if (askedMs === undefined) {
    return error.grpcCode === status.UNAVAILABLE ? 0 : null
  }
  // Untrusted: NaN would mean retries without any wait.
  return Number.isNaN(Number(askedMs)) ? null : Number(askedMs)
}

/** Whether the server certainly did nothing: it said so, or was never reached. */
function isUndone({ code, cause }: RefusedError): boolean {
  const { details = '' } = cause as Partial<ServiceError>
  return (
    code === 'BUSY' ||
    code === 'RATE_LIMITED' ||
    /^(?:No connection established|Name resolution failed)/.test(details)
  )
}

import { type Client, Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { BadRequest, ErrorInfo, RetryInfo } from '#generated/google/rpc/error_details'
import { Status } from '#generated/google/rpc/status'
import { MAX_TIMER_MS } from '../../net/timers.js'
import { RefusedError } from '../errors.js'
import { tlsProblem } from './tls-problem.js'

/**
 * Makes a unary call with raw bytes. A deadline beyond the range of timers (24.8 days) is not sent: many servers would
 * treat it as past. Throws RefusedError, the signal's reason, or RangeError where the deadline is not a number.
 */
export function callUnary(
  client: Client,
  path: string,
  request: Uint8Array,
  deadlineAtMs: number,
  signal: AbortSignal | undefined,
  metadata = new Metadata(),
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    if (Number.isNaN(deadlineAtMs)) {
      throw new RangeError('deadlineMs must be a number of milliseconds')
    }
    const cancel = () => call.cancel()
    const call = client.makeUnaryRequest(
      path,
      toBuffer,
      (bytes) => bytes,
      request,
      metadata,
      { deadline: deadlineAtMs - Date.now() > MAX_TIMER_MS ? Infinity : deadlineAtMs },
      (error, response) => {
        signal?.removeEventListener('abort', cancel)
        if (signal?.aborted) {
          reject(signal.reason)
        } else if (error !== null || response === undefined) {
          reject(error === null ? new Error('no response') : refusal(error))
        } else {
          resolve(response)
        }
      },
    )
    signal?.addEventListener('abort', cancel, { once: true })
  })
}

/**
 * Makes a server-streaming call with raw bytes. Stop reading to cancel it. It has no deadline: the connection's
 * keepalive notices a dead peer. Throws RefusedError, or the signal's reason.
 */
export async function* callServerStream(
  client: Client,
  path: string,
  request: Uint8Array,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  signal?.throwIfAborted()
  const call = client.makeServerStreamRequest(path, toBuffer, (bytes: Buffer) => bytes, request)
  const cancel = () => call.cancel()
  signal?.addEventListener('abort', cancel, { once: true })
  try {
    yield* call
  } catch (error) {
    throw signal?.aborted ? signal.reason : refusal(error as ServiceError)
  } finally {
    signal?.removeEventListener('abort', cancel)
    cancel()
  }
}

/** A Buffer over the same memory, which grpc-js requires. */
function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}

/** Turns an error of grpc-js into ours, with the details that the server sent. */
export function refusal(error: ServiceError): RefusedError {
  const [encoded] = error.metadata?.get('grpc-status-details-bin') ?? []
  const reason = status[error.code] ?? 'UNKNOWN'
  const facts = encoded instanceof Uint8Array ? readDetails(encoded) : {}
  const problem = error.code === status.UNAVAILABLE ? connectionProblem(error.details) : undefined
  const message = problem === undefined ? error.details : `the server ${problem}`
  return new RefusedError(error.code, facts.reason ?? reason, message, {
    ...facts,
    cause: error,
  })
}

/** Finds the cause in grpc-js's message about a failed connection. */
const NOT_CONNECTED =
  /^No connection established\. Last error: (?:Error: )?(.*?)\.? Resolution note: /

function connectionProblem(details: string): string | undefined {
  const [, cause] = NOT_CONNECTED.exec(details) ?? []
  return tlsProblem(details) ?? (cause && `cannot be reached: ${cause}`)
}

interface Details {
  reason?: string
  field?: string
  metadata?: Record<string, string>
}

/** Details only help: if they cannot be read, the status still counts. */
function readDetails(encoded: Uint8Array): Details {
  const found: Details = {}
  try {
    for (const { typeUrl, value } of Status.decode(encoded).details) {
      const type = typeUrl.slice(typeUrl.lastIndexOf('/') + 1)
      if (type === 'google.rpc.ErrorInfo') {
        const info = ErrorInfo.decode(value)
        found.reason = info.reason
        found.metadata = { ...found.metadata, ...Object.fromEntries(info.metadata) }
      } else if (type === 'google.rpc.RetryInfo') {
        const { seconds = 0n, nanos = 0 } = RetryInfo.decode(value).retryDelay ?? {}
        const delayMs = 1000 * Number(seconds) + Math.ceil(nanos / 1e6)
        found.metadata = { ...found.metadata, retry_delay_ms: `${delayMs}` }
      } else if (type === 'google.rpc.BadRequest') {
        const [violation] = BadRequest.decode(value).fieldViolations
        found.field = violation?.field ?? ''
      }
    }
  } catch {
    return {}
  }
  return found
}

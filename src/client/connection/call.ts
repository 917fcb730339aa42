import { type Client, Metadata, type ServiceError, type StatusObject, status } from '@grpc/grpc-js'
import { BadRequest, ErrorInfo, RetryInfo } from '#generated/google/rpc/error_details'
import { Status } from '#generated/google/rpc/status'
import { MAX_TIMER_MS } from '../../net/timers.js'
import { RefusedError } from '../errors.js'
import { callsOf } from './calls-under-way.js'
import { connectionProblem } from './connection-problem.js'

/**
 * Makes a unary call with raw bytes. A deadline beyond the range of timers (24.8 days) is not sent: many servers would
 * treat it as past. Throws RefusedError, ConnectionClosedError, the signal's reason, or RangeError where the deadline is
 * not a number.
 */
export async function callUnary(
  client: Client,
  path: string,
  request: Uint8Array,
  deadlineAtMs: number,
  signal: AbortSignal | undefined,
  metadata?: Metadata,
): Promise<Uint8Array> {
  if (Number.isNaN(deadlineAtMs)) {
    throw new RangeError('deadlineMs must be a number of milliseconds')
  }
  const calls = callsOf(client)
  calls.check(signal)
  const sentDeadlineAtMs = deadlineAtMs - Date.now() > MAX_TIMER_MS ? Infinity : deadlineAtMs
  const start = calls.areIntercepted ? startIntercepted : startOnChannel
  const { answer, cancel } = start(client, path, request, sentDeadlineAtMs, metadata)
  const call = calls.add(signal, cancel)
  try {
    return await answer
  } catch (error) {
    throw call.reasonOf(error)
  } finally {
    call.forget()
  }
}

interface StartedCall {
  readonly answer: Promise<Uint8Array>
  cancel(): void
}

/** Calls as grpc-js does: through the interceptors of the client. */
function startIntercepted(
  client: Client,
  path: string,
  request: Uint8Array,
  deadline: number,
  metadata = new Metadata(),
): StartedCall {
  let cancel = () => {}
  const answer = new Promise<Uint8Array>((resolve, reject) => {
    const done = (error: ServiceError | null, bytes?: Uint8Array) =>
      error === null ? resolve(bytes ?? new Uint8Array()) : reject(refusal(error))
    // Interceptors may change the metadata, which a retry uses again.
    const given = [request, metadata.clone(), { deadline }] as const
    const call = client.makeUnaryRequest(path, toBuffer, (bytes: Buffer) => bytes, ...given, done)
    cancel = () => call.cancel()
  })
  return { answer, cancel: () => cancel() }
}

/**
 * Calls on the channel: `Client.makeUnaryRequest` would add a quarter to the CPU of a call, for an emitter, interceptors
 * and the stack trace of an error that seldom comes.
 */
function startOnChannel(
  client: Client,
  path: string,
  request: Uint8Array,
  deadline: number,
  metadata?: Metadata,
): StartedCall {
  const call = client.getChannel().createCall(path, deadline, null, null, null)
  return {
    answer: answerTo(call, request, callsOf(client).metadata(metadata)),
    cancel: () => call.cancelWithStatus(status.CANCELLED, 'cancelled by the caller'),
  }
}

type ChannelCall = ReturnType<ReturnType<Client['getChannel']>['createCall']>

const NO_CONTEXT = {}

/** Sends the request of a unary call, and waits for its answer. Throws RefusedError. */
function answerTo(call: ChannelCall, request: Uint8Array, metadata: Metadata): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    let answer: Uint8Array | undefined
    call.start(metadata, {
      onReceiveMetadata() {},
      onReceiveMessage(message: Buffer) {
        answer = message
      },
      onReceiveStatus(ended) {
        if (ended.code !== status.OK) {
          reject(refusal(serviceError(ended)))
        } else if (answer === undefined) {
          const details = 'the server sent no message'
          reject(refusal(serviceError({ ...ended, code: status.UNIMPLEMENTED, details })))
        } else {
          resolve(answer)
        }
      },
    })
    call.startRead()
    call.sendMessageWithContext(NO_CONTEXT, toBuffer(request))
    call.halfClose()
  })
}

/** As `Client.makeUnaryRequest` makes it. */
function serviceError(ended: StatusObject): ServiceError {
  return Object.assign(new Error(`${ended.code} ${status[ended.code]}: ${ended.details}`), ended)
}

/**
 * Makes a server-streaming call with raw bytes. Stop reading to cancel it. It has no deadline: the connection's
 * keepalive notices a dead peer. Throws RefusedError, ConnectionClosedError, or the signal's reason.
 */
export async function* callServerStream(
  client: Client,
  path: string,
  request: Uint8Array,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  const calls = callsOf(client)
  calls.check(signal)
  const stream = startStream(client, path, request)
  const call = calls.add(signal, () => stream.cancel())
  try {
    yield* stream
  } catch (error) {
    throw call.reasonOf(refusal(error as ServiceError))
  } finally {
    call.forget()
    stream.cancel()
  }
}

function startStream(client: Client, path: string, request: Uint8Array) {
  try {
    return client.makeServerStreamRequest(path, toBuffer, (bytes: Buffer) => bytes, request)
  } catch (error) {
    // An interceptor ended the call as it began, when nobody could listen yet. Or it threw something of its own.
    const isStatus = error instanceof Error && 'code' in error && 'metadata' in error
    throw isStatus ? refusal(error as ServiceError) : error
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
  const problem = error.code === status.UNAVAILABLE ? problemOf(error.details) : undefined
  const message = problem === undefined ? error.details : `the server ${problem}`
  return new RefusedError(error.code, facts.reason ?? reason, message, {
    ...facts,
    cause: error,
  })
}

/** Finds the cause in grpc-js's message about a failed connection. */
const NOT_CONNECTED =
  /^No connection established\. Last error: (?:Error: )?(.*?)\.? Resolution note: /

function problemOf(details: string): string | undefined {
  const [, cause] = NOT_CONNECTED.exec(details) ?? []
  return connectionProblem(details) ?? (cause && `cannot be reached: ${cause}`)
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

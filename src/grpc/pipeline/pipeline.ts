import { once } from 'node:events'
import type {
  handleServerStreamingCall,
  handleUnaryCall,
  ServerWritableStream,
} from '@grpc/grpc-js'
import type { CallObserver } from '../../core/calls.js'
import { BusyError } from '../../core/errors.js'
import type { Audit } from '../../core/operators/audit.js'
import type { AdmitOperator } from '../../core/operators/trust.js'
import { Call } from './call.js'
import { type Codec, decode, encode, type GrpcService, serviceDefinition } from './contracts.js'
import type { Methods, StreamMethod, UnaryMethod } from './method.js'

/** What calls of a service pass through. */
export interface PipelinePorts {
  readonly observer: CallObserver
  /** Lets callers in. Absent: the service is open to all. */
  readonly admit?: AdmitOperator | undefined
  /** Keeps what audited methods did. */
  readonly audit?: Audit
  /** How many streams of the service run at a time, and what they are, in the plural. */
  readonly maxStreams?: { readonly count: number; readonly work: string }
}

/**
 * A service whose every call takes the same way: it is observed, its caller is let in, its request is decoded, handled
 * and, where the method says so, audited, and its response is encoded. Errors become statuses on the way back. A method of
 * the contract that is not among `methods` is UNIMPLEMENTED.
 */
export function grpcService(name: string, methods: Methods, ports: PipelinePorts): GrpcService {
  const definition = serviceDefinition(name)
  const streams = new Set<Call>()
  const handlers = Object.entries(methods).map(([method, declared]) => {
    if (!(method in definition)) {
      throw new Error(`the descriptor set lacks ${name}/${method}`)
    }
    if (declared.audit !== undefined && ports.audit === undefined) {
      throw new Error(`${name}/${method} is audited, and there is no audit log`)
    }
    return [
      method,
      declared.isStream ? serveStream(declared, ports, streams) : serveUnary(declared, ports),
    ]
  })
  return { definition, implementation: Object.fromEntries(handlers) }
}

function serveUnary(method: UnaryMethod, ports: PipelinePorts): handleUnaryCall<Buffer, Buffer> {
  return async (incoming, callback) => {
    const call = new Call(incoming, ports.observer)
    try {
      const response = await call.run(() => {
        const request = enter(method, ports, call, incoming.request)
        return audited(method, ports, call, () => method.handle(request, call))
      })
      callback(null, encode(method.response, response))
      call.endAnswered()
    } catch (error) {
      call.endRefused(error, callback)
    }
  }
}

function serveStream(
  method: StreamMethod,
  ports: PipelinePorts,
  streams: Set<Call>,
): handleServerStreamingCall<Buffer, Buffer> {
  return async (outgoing) => {
    const call = new Call(outgoing, ports.observer)
    try {
      await call.run(() => {
        const request = enter(method, ports, call, outgoing.request)
        takePlace(call, streams, ports)
        return audited(method, ports, call, () =>
          pump(method.response, method.handle(request, call), outgoing, call.signal),
        )
      })
      outgoing.end()
      call.endAnswered()
    } catch (error) {
      call.endRefused(error, (refusal) => {
        if (!call.isAborted && !outgoing.writableEnded) {
          outgoing.emit('error', refusal)
        }
      })
    } finally {
      streams.delete(call)
    }
  }
}

/** What comes before every handler. Throws CredentialError, ForwardedError, MalformedError. */
function enter<Request>(
  method: { readonly request: Codec<Request> },
  { admit }: PipelinePorts,
  call: Call,
  bytes: Buffer,
): Request {
  if (admit !== undefined) {
    call.admit(admit)
  }
  return decode(method.request, bytes)
}

/** Each stream reads much of what is stored, so few run at a time. Throws BusyError. */
function takePlace(call: Call, streams: Set<Call>, { maxStreams }: PipelinePorts): void {
  if (maxStreams !== undefined && streams.size >= maxStreams.count) {
    throw new BusyError(maxStreams.work, maxStreams.count)
  }
  streams.add(call)
}

/**
 * Does the work of an audited method if an entry of it can be kept, and keeps one, also where it fails: part of it may
 * be done.
 */
function audited<T>(
  { audit: action }: { readonly audit?: string },
  { audit }: PipelinePorts,
  call: Call,
  work: () => T | Promise<T>,
): T | Promise<T> {
  return action === undefined || audit === undefined ? work() : auditedAs(action, audit, call, work)
}

async function auditedAs<T>(
  action: string,
  audit: Audit,
  call: Call,
  work: () => T | Promise<T>,
): Promise<T> {
  await audit.check()
  let outcome = 'failed'
  try {
    const done = await work()
    outcome = 'done'
    return done
  } finally {
    const facts = { outcome: call.isAborted ? 'interrupted' : outcome, ...call.facts }
    await audit.record({ action, caller: call.caller, facts })
  }
}

/** Sends what a handler answers as fast as the client takes it. Throws AbortError where nobody waits any more. */
async function pump<Response>(
  codec: Codec<Response>,
  responses: AsyncIterable<Response>,
  outgoing: ServerWritableStream<Buffer, Buffer>,
  signal: AbortSignal,
): Promise<void> {
  for await (const response of responses) {
    signal.throwIfAborted()
    if (!outgoing.write(encode(codec, response))) {
      // A call that was cancelled never drains.
      await once(outgoing, 'drain', { signal })
    }
  }
}

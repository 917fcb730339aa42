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

/** What the calls of a service need on their way. */
export interface PipelinePorts {
  readonly observer: CallObserver
  /** Admits callers. Absent: the service is open to all. */
  readonly admit?: AdmitOperator | undefined
  /** Records what audited methods did. */
  readonly audit?: Audit
  /** How many streams of the service may run at a time, and what they are, in the plural. */
  readonly maxStreams?: { readonly count: number; readonly work: string }
}

/**
 * Builds a service whose every call takes the same way: observe, admit the caller, decode the request, handle it, audit it
 * if the method says so, and encode the response. Errors become statuses. Methods of the contract that are not in `methods`
 * are UNIMPLEMENTED.
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

/** Admits the caller and decodes the request. Throws CredentialError, ForwardedError, MalformedError. */
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
 * Runs the work of an audited method, unless the audit log cannot be written, and records it. Failed work is recorded too:
 * part of it may be done.
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

/** Sends the responses as fast as the client reads them. Throws AbortError when nobody waits any more. */
async function pump<Response>(
  codec: Codec<Response>,
  responses: AsyncIterable<Response>,
  outgoing: ServerWritableStream<Buffer, Buffer>,
  signal: AbortSignal,
): Promise<void> {
  for await (const response of responses) {
    signal.throwIfAborted()
    if (!outgoing.write(encode(codec, response))) {
      // A cancelled call never drains.
      await once(outgoing, 'drain', { signal })
    }
  }
}

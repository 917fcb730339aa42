import type {
  handleServerStreamingCall,
  handleUnaryCall,
  ServerUnaryCall,
  ServerWritableStream,
} from '@grpc/grpc-js'
import type { CallObserver } from '../../../core/calls.js'
import { BusyError } from '../../../core/errors.js'
import type { Audit, Caller } from '../../../core/operators/audit.js'
import { type Codec, decode } from '../../pipeline/contracts.js'
import { unary } from '../../pipeline/handler.js'
import { serverStream } from '../../pipeline/server-stream.js'

/** What every method of the admin service needs. */
export interface AdminMethodPorts {
  readonly audit: Audit
  /** Who makes a call. */
  readonly caller: (call: AdminCall) => Caller
  readonly observer: CallObserver
  /** Those answered with a stream that are under way. */
  readonly streams: Set<AdminCall>
}

const MAX_STREAMS = 4

export type AdminCall = ServerUnaryCall<Buffer, Buffer> | ServerWritableStream<Buffer, Buffer>

/** A method with one answer. */
export function unaryMethod<Request, Response>(
  requestCodec: Codec<Request>,
  responseCodec: Codec<Response>,
  answer: (request: Request, call: AdminCall) => Promise<Response>,
  { observer }: AdminMethodPorts,
): handleUnaryCall<Buffer, Buffer> {
  return unary(async (bytes, call) => {
    const response = await answer(decode(requestCodec, bytes), call)
    return Buffer.from(responseCodec.encode(response).finish())
  }, observer)
}

/** A method that answers with a stream. Each reads much of what is stored, so few run at a time. */
export function streamMethod<Request, Response>(
  requestCodec: Codec<Request>,
  responseCodec: Codec<Response>,
  answer: (request: Request, call: AdminCall, signal: AbortSignal) => AsyncIterable<Response>,
  { observer, streams }: AdminMethodPorts,
): handleServerStreamingCall<Buffer, Buffer> {
  return serverStream(async function* (bytes, call, signal) {
    const request = decode(requestCodec, bytes)
    if (streams.size >= MAX_STREAMS) {
      throw new BusyError('backups, checks, exports and reseals', MAX_STREAMS)
    }
    streams.add(call)
    try {
      for await (const response of answer(request, call, signal)) {
        yield Buffer.from(responseCodec.encode(response).finish())
      }
    } finally {
      streams.delete(call)
    }
  }, observer)
}

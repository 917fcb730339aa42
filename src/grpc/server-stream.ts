import { once } from 'node:events'
import { type handleServerStreamingCall, type ServerWritableStream, status } from '@grpc/grpc-js'
import type { OnInternalError } from './handler.js'
import { toStatus } from './status.js'

/** Answers with a stream; the signal is aborted when nobody reads it any more. */
export type StreamHandler<Request, Response> = (
  request: Request,
  call: ServerWritableStream<Request, Response>,
  signal: AbortSignal,
) => AsyncIterable<Response>

/**
 * Every handler that answers with a stream goes through here once: it is asked for no more than the
 * client takes, returned when the client goes, and its errors pass the same map as those of `unary`.
 */
export function serverStream<Request, Response>(
  handle: StreamHandler<Request, Response>,
  onInternalError: OnInternalError,
): handleServerStreamingCall<Request, Response> {
  return async (call) => {
    const gone = new AbortController()
    call.on('cancelled', () => gone.abort())
    const { signal } = gone
    try {
      for await (const response of handle(call.request, call, signal)) {
        signal.throwIfAborted()
        if (!call.write(response)) {
          // A call that was cancelled never drains.
          await once(call, 'drain', { signal })
        }
      }
      call.end()
    } catch (error) {
      if (signal.aborted && (error as Partial<Error> | null)?.name === 'AbortError') {
        return
      }
      const refusal = toStatus(error)
      if (refusal.code === status.INTERNAL) {
        onInternalError(call.getPath(), error)
      }
      if (!signal.aborted) {
        call.emit('error', refusal)
      }
    }
  }
}

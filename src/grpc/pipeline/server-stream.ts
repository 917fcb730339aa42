import { once } from 'node:events'
import type { handleServerStreamingCall, ServerWritableStream } from '@grpc/grpc-js'
import type { CallObserver, RunningCall } from '../../core/calls.js'
import { beginCall, outcomeOf, refusalOf } from './observed-call.js'

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
  observer: CallObserver,
): handleServerStreamingCall<Request, Response> {
  return (call) => {
    const running = beginCall(observer, call)
    // One answer that cannot be sent ends its own call, and nobody else's.
    answer(call, running).catch((error: unknown) => {
      const refusal = refusalOf(error, running)
      if (!call.writableEnded) {
        call.emit('error', refusal)
      }
      running.end(outcomeOf(refusal, error))
    })
  }

  async function answer(
    call: ServerWritableStream<Request, Response>,
    running: RunningCall,
  ): Promise<void> {
    const gone = new AbortController()
    call.on('cancelled', () => gone.abort())
    const { signal } = gone
    try {
      await running.run(() => pump(handle(call.request, call, signal), call, signal))
      call.end()
      running.end({ code: signal.aborted ? 'CANCELLED' : 'OK' })
    } catch (error) {
      if (signal.aborted && (error as Partial<Error> | null)?.name === 'AbortError') {
        running.end({ code: 'CANCELLED' })
        return
      }
      const refusal = refusalOf(error, running)
      if (!signal.aborted) {
        call.emit('error', refusal)
      }
      running.end(outcomeOf(refusal, error))
    }
  }
}

async function pump<Response>(
  responses: AsyncIterable<Response>,
  call: ServerWritableStream<unknown, Response>,
  signal: AbortSignal,
): Promise<void> {
  for await (const response of responses) {
    signal.throwIfAborted()
    if (!call.write(response)) {
      // A call that was cancelled never drains.
      await once(call, 'drain', { signal })
    }
  }
}

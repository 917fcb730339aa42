import type { handleUnaryCall, ServerUnaryCall } from '@grpc/grpc-js'
import type { CallObserver } from '../../core/calls.js'
import { beginCall, outcomeOf, refusalOf } from './observed-call.js'

/** To be told of a refusal that stands in the answer, where the call's status does not show it. */
export type OnRefused = (error: unknown) => void

/**
 * Every unary handler goes through here once: grpc-js lets a rejected promise stop the process, and
 * sends the message of a thrown error to the client.
 */
export function unary<Request, Response>(
  handle: (
    request: Request,
    call: ServerUnaryCall<Request, Response>,
    onRefused: OnRefused,
  ) => Promise<Response>,
  observer: CallObserver,
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    const running = beginCall(observer, call)
    let refused: unknown
    const answer = running.run(async () =>
      handle(call.request, call, (error) => {
        refused = error
      }),
    )
    const answered = answer.then(
      (response) => {
        callback(null, response)
        running.end({ code: call.cancelled ? 'CANCELLED' : 'OK', error: refused })
      },
      (error: unknown) => {
        const refusal = refusalOf(error, running)
        callback(refusal)
        running.end(outcomeOf(refusal, error))
      },
    )
    // One answer that cannot be sent ends its own call, and nobody else's.
    answered.catch((error: unknown) => {
      const refusal = refusalOf(error, running)
      callback(refusal)
      running.end(outcomeOf(refusal, error))
    })
  }
}

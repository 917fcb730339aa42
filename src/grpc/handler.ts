import { type handleUnaryCall, type ServerUnaryCall, status } from '@grpc/grpc-js'
import { toStatus } from './status.js'

/** Told of every error that clients see only as INTERNAL. */
export type OnInternalError = (method: string, error: unknown) => void

/**
 * Every unary handler goes through here once: grpc-js lets a rejected promise stop the process, and
 * sends the message of a thrown error to the client.
 */
export function unary<Request, Response>(
  handle: (request: Request, call: ServerUnaryCall<Request, Response>) => Promise<Response>,
  onInternalError: OnInternalError,
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    Promise.resolve()
      .then(() => handle(call.request, call))
      .then(
        (response) => callback(null, response),
        (error: unknown) => {
          const refusal = toStatus(error)
          if (refusal.code === status.INTERNAL) {
            onInternalError(call.getPath(), error)
          }
          callback(refusal)
        },
      )
  }
}

import { status } from '@grpc/grpc-js'
import { ServerUnavailableError } from '../core/errors.js'
import { RefusedError } from './errors.js'

/** Says what a status of the transport means for calls of `service`, which not every listener serves. */
export function explain(error: unknown, address: string, service: string): unknown {
  switch (error instanceof RefusedError && error.grpcCode) {
    case status.UNAVAILABLE:
      // What the server itself could not do has its reason.
      return (error as RefusedError).code === 'UNAVAILABLE'
        ? new ServerUnavailableError(address, 'cannot be reached', error)
        : error
    case status.DEADLINE_EXCEEDED:
      return new ServerUnavailableError(address, 'did not answer in time', error)
    case status.UNIMPLEMENTED: {
      const problem = `does not serve ${service}: it does so on a loopback address alone`
      return new ServerUnavailableError(address, problem, error)
    }
    default:
      return error
  }
}

import { type ServiceError, status } from '@grpc/grpc-js'
import { ServerUnavailableError } from '../../core/errors.js'
import { RefusedError } from '../errors.js'
import { tlsProblem } from './tls-problem.js'

/** Says what a status of the transport means for calls of `service`, which not every listener serves. */
export function explain(error: unknown, address: string, service: string): unknown {
  if (!(error instanceof RefusedError)) {
    return error
  }
  switch (error.grpcCode) {
    case status.UNAVAILABLE: {
      const problem = tlsProblem((error.cause as ServiceError).details) ?? 'cannot be reached'
      // What the server itself could not do has its reason.
      return error.code === 'UNAVAILABLE'
        ? new ServerUnavailableError(address, problem, error)
        : error
    }
    case status.DEADLINE_EXCEEDED:
      return new ServerUnavailableError(address, 'did not answer in time', error)
    case status.UNIMPLEMENTED: {
      const problem = `does not serve ${service}: beyond loopback it does so for an admin credential alone, and has none`
      return new ServerUnavailableError(address, problem, error)
    }
    default:
      return error
  }
}

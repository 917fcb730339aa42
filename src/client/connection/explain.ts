import { type ServiceError, status } from '@grpc/grpc-js'
import { ServerUnavailableError } from '../../core/errors.js'
import { RefusedError } from '../errors.js'
import { tlsProblem } from './tls-problem.js'

/** Turns a status of the transport into an error that says what it means for calls of `service`. */
export function explain(error: unknown, address: string, service: string): unknown {
  if (!(error instanceof RefusedError)) {
    return error
  }
  switch (error.grpcCode) {
    case status.UNAVAILABLE: {
      const problem = tlsProblem((error.cause as ServiceError).details) ?? 'cannot be reached'
      // With a reason, the server itself answered: it is there.
      return error.code === 'UNAVAILABLE'
        ? new ServerUnavailableError(address, problem, error)
        : error
    }
    case status.DEADLINE_EXCEEDED:
      return new ServerUnavailableError(address, 'did not answer in time', error)
    case status.UNIMPLEMENTED: {
      const problem = `does not serve ${service}: beyond loopback that needs an admin credential, and the server has none`
      return new ServerUnavailableError(address, problem, error)
    }
    default:
      return error
  }
}

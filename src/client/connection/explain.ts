import { type ServiceError, status } from '@grpc/grpc-js'
import { ServerUnavailableError } from '../../core/errors.js'
import { RefusedError } from '../errors.js'
import { connectionProblem } from './connection-problem.js'

/** What a call belongs to. */
export interface Service {
  /** Such as `the admin service`. */
  readonly name: string
  /** Whether a server serves it beyond loopback only to those who show a credential. */
  readonly isForOperators: boolean
}

/** Turns a status of the transport into an error that says what it means for calls of `service`. */
export function explain(error: unknown, address: string, service: Service, attempts = 1): unknown {
  const problem = error instanceof RefusedError ? problemOf(error, service) : null
  const tried = attempts > 1 ? ` (attempts: ${attempts})` : ''
  return problem === null ? error : new ServerUnavailableError(address, `${problem}${tried}`, error)
}

/** Why no server answered; null where one did. */
function problemOf(error: RefusedError, { name, isForOperators }: Service): string | null {
  switch (error.grpcCode) {
    case status.UNAVAILABLE:
      // With a reason, the server itself answered: it is there.
      return error.code === 'UNAVAILABLE'
        ? (connectionProblem((error.cause as ServiceError).details) ?? 'cannot be reached')
        : null
    case status.DEADLINE_EXCEEDED:
      return 'did not answer in time'
    case status.UNIMPLEMENTED:
      return isForOperators
        ? `does not serve ${name}: beyond loopback that needs an admin credential, and the server has none`
        : `does not serve ${name}: it is another program, or an older release`
    default:
      return null
  }
}

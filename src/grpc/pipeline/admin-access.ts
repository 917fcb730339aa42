import type { ServerUnaryCall, UntypedHandleCall } from '@grpc/grpc-js'
import type { CallObserver } from '../../core/calls.js'
import type { AdmitOperator } from '../../core/operators/trust.js'
import type { GrpcService } from '../transport/server.js'
import { rememberProof } from './caller.js'
import { unary } from './handler.js'
import { serverStream } from './server-stream.js'

type AnyHandler = (call: ServerUnaryCall<unknown, unknown>, callback: unknown) => void

/** The same service, each method of which asks `admit` before anything else. */
export function forOperators(
  { definition, implementation }: GrpcService,
  admit: AdmitOperator,
  observer: CallObserver,
): GrpcService {
  function guarded(handle: UntypedHandleCall, isStream: boolean): UntypedHandleCall {
    return ((call, callback) => {
      const [authorization] = call.metadata.get('authorization')
      try {
        const proof = admit({
          authorization: authorization?.toString(),
          certificate: call.getAuthContext().sslPeerCertificate,
          headerNames: () => Object.keys(call.metadata.getMap()),
        })
        rememberProof(call, proof)
      } catch (error) {
        ;(refusal(error, isStream, observer) as AnyHandler)(call, callback)
        return
      }
      ;(handle as AnyHandler)(call, callback)
    }) as AnyHandler as UntypedHandleCall
  }

  // By what the contract has: a method whose handler is not among them stays unimplemented.
  const handlers = Object.entries(definition).flatMap(([name, { responseStream }]) => {
    const handle = implementation[name]
    return handle === undefined ? [] : [[name, guarded(handle, responseStream)] as const]
  })
  return { definition, implementation: Object.fromEntries(handlers) }
}

/** A handler that does no more than refuse, in the way of every other error of a handler. */
function refusal(error: unknown, isStream: boolean, observer: CallObserver): unknown {
  const refuse = () => Promise.reject(error)
  return isStream
    ? serverStream(async function* () {
        yield await refuse()
      }, observer)
    : unary(refuse, observer)
}

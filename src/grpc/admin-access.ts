import type { ServerUnaryCall, UntypedHandleCall } from '@grpc/grpc-js'
import type { CallObserver } from '../core/calls.js'
import type { ProofOfAdmin } from '../core/credential.js'
import { CredentialError } from '../core/errors.js'
import { rememberProof } from './caller.js'
import { unary } from './handler.js'
import type { GrpcService } from './server.js'
import { serverStream } from './server-stream.js'

export interface AdminAccess {
  readonly proofOf: ProofOfAdmin
  /** What to show, for who did not. */
  readonly wanted: string
  /** Not on loopback. */
  readonly isRequired: boolean
  readonly observer: CallObserver
}

type AnyHandler = (call: ServerUnaryCall<unknown, unknown>, callback: unknown) => void

/** The same service, each method of which asks for the admin credential before anything else. */
export function forAdmins(
  { definition, implementation }: GrpcService,
  { proofOf, wanted, isRequired, observer }: AdminAccess,
): GrpcService {
  // A refusal goes the way of every other error of a handler.
  const refuse = async () => {
    throw new CredentialError(wanted)
  }
  const refuseUnary = unary(refuse, observer)
  const refuseStream = serverStream(async function* () {
    yield await refuse()
  }, observer)

  function guarded(handle: UntypedHandleCall, refusal: unknown): UntypedHandleCall {
    return ((call, callback) => {
      const [authorization] = call.metadata.get('authorization')
      const proof = proofOf({
        authorization: authorization?.toString(),
        certificate: call.getAuthContext().sslPeerCertificate,
      })
      if (proof !== null) {
        rememberProof(call, proof)
      }
      const isRefused = isRequired && proof === null
      ;((isRefused ? refusal : handle) as AnyHandler)(call, callback)
    }) as AnyHandler as UntypedHandleCall
  }

  // By what the contract has: a method whose handler is not among them stays unimplemented.
  const handlers = Object.entries(definition).flatMap(([name, { responseStream }]) => {
    const handle = implementation[name]
    const refusal = responseStream ? refuseStream : refuseUnary
    return handle === undefined ? [] : [[name, guarded(handle, refusal)] as const]
  })
  return { definition, implementation: Object.fromEntries(handlers) }
}

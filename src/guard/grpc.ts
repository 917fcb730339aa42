import {
  Metadata,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
  type ServiceDefinition,
  status,
} from '@grpc/grpc-js'
import { ErrorInfo } from '#generated/google/rpc/error_details'
import { Status } from '#generated/google/rpc/status'
import { readGrpcProof } from './grpc-proof.js'
import type { Guard, GuardedUse } from './guard.js'
import { type Fault, fault, type GuardReason, NOT_FOR_TOKENS, remember } from './verdict.js'

/** What requests want to do. */
export interface GrpcGuardOptions {
  /**
   * What a request is about to do, for the token must allow it. `path`: of the method, such as `/objects.v1.Objects/Put`; `message`: the
   * request as its handler gets it. null: nothing that tokens are for; it is refused. `unguarded`: it needs no token, as of
   * a health service.
   */
  readonly use: (path: string, message: object) => GuardedUse | null | 'unguarded'
}

/** The status of each reason. All others: UNAUTHENTICATED. */
const CODES: Readonly<Partial<Record<GuardReason, status>>> = {
  VERB_NOT_ALLOWED: status.PERMISSION_DENIED,
  OBJECT_NOT_ALLOWED: status.PERMISSION_DENIED,
  TOO_MANY_REQUESTS: status.RESOURCE_EXHAUSTED,
  ENDINGS_STALE: status.UNAVAILABLE,
}

/** The bytes of request messages, as they were received. */
const received = new WeakMap<object, Uint8Array>()

/**
 * The same service, of which `guardInterceptor` can check the requests: what was signed are the bytes of a request, not what a decoder
 * makes of them. A service whose handlers take bytes needs no `guardable`.
 *
 * @example
 * ```ts
 * import { Server, type ServiceDefinition, type UntypedServiceImplementation } from '@grpc/grpc-js'
 * import { type Guard, guardable, guardInterceptor } from 'sessiond/guard'
 *
 * export function openServer(guard: Guard, objects: ServiceDefinition, handlers: UntypedServiceImplementation): Server {
 *   const use = () => ({ verb: 'OBJECT_GET' }) as const
 *   const server = new Server({ interceptors: [guardInterceptor(guard, { use })] })
 *   server.addService(guardable(objects), handlers)
 *   return server
 * }
 * ```
 */
export function guardable<Service extends ServiceDefinition>(service: Service): Service {
  const methods = Object.entries(service).map(([name, method]) => {
    const requestDeserialize = (bytes: Buffer) => {
      const message = method.requestDeserialize(bytes) as object
      received.set(message, bytes)
      return message
    }
    return [name, { ...method, requestDeserialize }] as const
  })
  return Object.fromEntries(methods) as Service
}

/**
 * A server interceptor of grpc-js that lets a request to its handler only if the guard does. It must be signed as
 * `signGrpcRequest` does. Services are added as `guardable` makes them. A refused call ends with UNAUTHENTICATED,
 * PERMISSION_DENIED, RESOURCE_EXHAUSTED or UNAVAILABLE, with the reason in its `google.rpc.ErrorInfo`. Methods to which clients stream
 * are refused: their handlers run before a request has come. Check each of their messages by `guard.check` and `readGrpcProof`.
 *
 * @example
 * ```ts
 * import { Server } from '@grpc/grpc-js'
 * import { type Guard, guardInterceptor } from 'sessiond/guard'
 *
 * export function openServer(guard: Guard): Server {
 *   const guarded = guardInterceptor(guard, {
 *     use: (path) => (path.endsWith('/Get') ? { verb: 'OBJECT_GET' } : null),
 *   })
 *   return new Server({ interceptors: [guarded] })
 * }
 * ```
 */
export function guardInterceptor(guard: Guard, options: GrpcGuardOptions): ServerInterceptor {
  return ({ path, requestStream }, call) => {
    let isRefused = false
    const refuse = (refusal: Fault, code?: status) => {
      isRefused = true
      sendRefusal(call, refusal, code)
    }
    /** What `guard.check` has not counted. */
    const refuseUnchecked = (problem: string, code: status) =>
      refuse(guard.refuse(fault('NO_PROOF', problem)), code)
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata(metadata, nextMetadata) {
            // A handler of a stream runs as soon as it has the metadata.
            if (requestStream && options.use(path, {}) !== 'unguarded') {
              refuseUnchecked('a guard lets no stream of requests through', status.UNIMPLEMENTED)
              return
            }
            nextMetadata(metadata)
          },
          onReceiveMessage(message: object, nextMessage) {
            let refusal: Fault | null
            try {
              refusal = refusalOf(guard, path, message, options.use(path, message))
            } catch {
              // Of `use`: what it says is not for the caller.
              const problem = 'what the request is for could not be found out'
              refuseUnchecked(problem, status.INTERNAL)
              return
            }
            if (refusal === null) {
              nextMessage(message)
            } else {
              refuse(refusal)
            }
          },
          onReceiveHalfClose(nextHalfClose) {
            if (!isRefused) {
              nextHalfClose()
            }
          },
        }),
    })
  }
}

/** Why the request is refused; null if it may be served. */
function refusalOf(
  guard: Guard,
  path: string,
  message: object,
  use: ReturnType<GrpcGuardOptions['use']>,
): Fault | null {
  if (use === 'unguarded') {
    return null
  }
  if (use === null) {
    return guard.refuse(NOT_FOR_TOKENS)
  }
  const bytes = message instanceof Uint8Array ? message : received.get(message)
  const { audience, clock } = guard
  const presented =
    bytes === undefined
      ? fault('NO_PROOF', `add the service of ${path} as guardable() makes it`)
      : readGrpcProof(bytes, { audience, path }, clock)
  const verdict = guard.check(presented, use)
  if (!verdict.isGood) {
    return verdict
  }
  remember(message, verdict.token)
  return null
}

function sendRefusal(
  call: ServerInterceptingCallInterface,
  { reason, message }: Fault,
  code = CODES[reason] ?? status.UNAUTHENTICATED,
): void {
  const info = ErrorInfo.encode({ reason, domain: 'sessiond-guard', metadata: new Map() }).finish()
  const details = [{ typeUrl: 'type.googleapis.com/google.rpc.ErrorInfo', value: info }]
  const metadata = new Metadata()
  const encoded = Status.encode({ code, message, details }).finish()
  metadata.set('grpc-status-details-bin', Buffer.from(encoded))
  call.sendStatus({ code, details: message, metadata })
}

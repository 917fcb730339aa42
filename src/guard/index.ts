/**
 * `sessiond/guard`: lets a service serve only requests under a session token, whose senders have the session key, and whose
 * sessions have not ended. docs/guard.md describes it.
 */
export { type GrpcGuardOptions, guardable, guardInterceptor } from './grpc.js'
export {
  type GrpcRequestToSign,
  type GrpcTarget,
  readGrpcProof,
  signGrpcRequest,
} from './grpc-proof.js'
export {
  Guard,
  type GuardCounts,
  type GuardedUse,
  type GuardOptions,
  type KnownEndings,
} from './guard.js'
export { type GuardedRequest, type HttpGuardOptions, httpGuard } from './http.js'
export { type HttpRequest, readHttpProof } from './http-proof.js'
export {
  type Fault,
  type GuardReason,
  type GuardVerdict,
  guardedToken,
  type Presented,
  type RequestProof,
} from './verdict.js'
export { type WatchedEndings, type WatchOptions, watchEndings } from './watch-endings.js'

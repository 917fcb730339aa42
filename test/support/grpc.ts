import { Metadata, type ServerCredentials } from '@grpc/grpc-js'
import { readConfig } from '../../src/config/config.js'
import type { GrpcLimits } from '../../src/config/grpc-limits.js'
import type { Call, IncomingGrpcCall } from '../../src/grpc/pipeline/call.js'
import { BYTES, type GrpcService } from '../../src/grpc/pipeline/contracts.js'
import { stream, unary } from '../../src/grpc/pipeline/method.js'
import { grpcService } from '../../src/grpc/pipeline/pipeline.js'
import type { OnLimited } from '../../src/grpc/transport/limits.js'
import { type GrpcServer, startGrpcServer } from '../../src/grpc/transport/server.js'
import { Unsent } from '../../src/net/unsent.js'
import { NO_FAILURES } from './observer.js'

const DEFAULTS: GrpcLimits = readConfig({ flags: {}, env: {} })

export type Answer = (request: Buffer, call: Call) => Buffer | Promise<Buffer>
export type Answers = (request: Buffer, call: Call) => AsyncIterable<Buffer>

/** A method that takes and gives bytes. */
export const unaryBytes = (handle: Answer) =>
  unary({
    request: BYTES,
    response: BYTES,
    handle: (request, call) => handle(asBuffer(request), call),
  })

/** The same with a stream of them. */
export const streamBytes = (handle: Answers) =>
  stream({
    request: BYTES,
    response: BYTES,
    handle: (request, call) => handle(asBuffer(request), call),
  })

const asBuffer = (bytes: Uint8Array) => bytes as Buffer

/** `session.Session`, whose Create takes and gives bytes. */
export const createService = (handle: Answer, observer = NO_FAILURES) => ({
  'session.Session': grpcService('session.Session', { Create: unaryBytes(handle) }, { observer }),
})

/** A gRPC server in this process, on a free port. */
export function startTestGrpc(
  services: Readonly<Record<string, GrpcService>>,
  limits: Partial<GrpcLimits> = {},
  onLimited: OnLimited = () => {},
  credentials?: ServerCredentials,
  unsent: Unsent = new Unsent(onLimited),
): Promise<GrpcServer> {
  return startGrpcServer({
    address: { host: '127.0.0.1', port: 0 },
    services,
    limits: { ...DEFAULTS, ...limits },
    hooks: { onLimited },
    unsent,
    ...(credentials && { credentials }),
  })
}

/** A call as grpc-js gives it to a handler, without the network: nobody cancels it, and it has no deadline. */
export const incomingCall = (
  path: string,
  request: Buffer,
  metadata: Metadata = new Metadata(),
): IncomingGrpcCall & { readonly request: Buffer } => ({
  ...{ request, metadata, cancelled: false },
  getPath: () => path,
  getPeer: () => '',
  getDeadline: () => Number.POSITIVE_INFINITY,
  getAuthContext: () => ({}),
  once() {},
})

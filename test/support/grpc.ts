import type { ServerCredentials } from '@grpc/grpc-js'
import type { GrpcLimits, OnLimited } from '../../src/grpc/transport/limits.js'
import {
  type GrpcServer,
  type GrpcService,
  startGrpcServer,
} from '../../src/grpc/transport/server.js'
import { Unsent } from '../../src/net/unsent.js'

/** Of the options of `serve`, their defaults. */
const LIMITS: GrpcLimits = {
  maxMessageBytes: 131_072,
  maxStreams: 256,
  maxConnections: 4096,
  maxConnectionIdleMs: 900_000,
  maxConnectionAgeMs: 0,
  maxConnectionAgeGraceMs: 30_000,
  headerTimeoutMs: 10_000,
  peerCallsPerSecond: 0,
  peerFailuresPerSecond: 50,
}

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
    limits: { ...LIMITS, ...limits },
    hooks: { onLimited },
    unsent,
    ...(credentials && { credentials }),
  })
}

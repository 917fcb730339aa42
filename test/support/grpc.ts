import type { ServerCredentials } from '@grpc/grpc-js'
import { readConfig } from '../../src/config/config.js'
import type { GrpcLimits } from '../../src/config/grpc-limits.js'
import type { OnLimited } from '../../src/grpc/transport/limits.js'
import {
  type GrpcServer,
  type GrpcService,
  startGrpcServer,
} from '../../src/grpc/transport/server.js'
import { Unsent } from '../../src/net/unsent.js'

const DEFAULTS: GrpcLimits = readConfig({ flags: {}, env: {} })

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

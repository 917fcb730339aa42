import type { OperatorCredential } from '../core/operators/trust.js'
import type { Tls } from '../credentials/tls.js'
import { cachedVerify, schemeVerifier, type Verify } from '../crypto/schemes.js'
import { sodiumEd25519 } from '../crypto/sodium.js'
import { identityService } from '../grpc/services/identity.js'
import { sessionService } from '../grpc/services/session.js'
import { TlsServerCredentials } from '../grpc/transport/credentials.js'
import { type GrpcServer, startGrpcServer } from '../grpc/transport/server.js'
import type { Metrics } from '../observability/metrics.js'
import { inSpan } from '../observability/trace.js'
import { adminServices } from './admin.js'
import type { Backend } from './backend.js'
import type { ServerContext } from './context.js'
import { timed } from './timed.js'

/** Header signatures that recur unchanged are checked once; about 300 bytes each, 1 KiB at most. */
const REMEMBERED_HEADERS = 10_000

/** Serves Create, the server's identity, and what is for operators. Throws ListenError. */
export async function startGrpc(
  context: ServerContext,
  backend: Backend,
  tls: Tls | null,
  credential: OperatorCredential | null,
): Promise<GrpcServer> {
  const { config, observer, onLimited, unsent, lifecycle } = context
  const { create, clock, keys } = backend
  const verify = timedVerify(context.metrics)
  const server = await startGrpcServer({
    address: config.grpc,
    socketMode: config.grpcSocketMode,
    services: {
      'session.Session': sessionService({
        create,
        clock,
        identity: () => keys.identity.current,
        verifiers: { body: verify, header: cachedVerify(verify, REMEMBERED_HEADERS) },
        observer,
      }),
      'sessiond.v1.Identity': identityService(keys.identity, { observer }),
      ...adminServices(context, backend, credential),
    },
    // Who may connect to a Unix socket is for its mode to say, and nobody is on the way.
    ...(tls !== null && !('path' in config.grpc) && { credentials: new TlsServerCredentials(tls) }),
    limits: config,
    hooks: { onLimited },
    unsent,
  })
  lifecycle.listens(server)
  return server
}

function timedVerify(metrics: Metrics): Verify {
  const verify = schemeVerifier(sodiumEd25519)
  return timed<Parameters<Verify>, boolean>(
    (...args) => inSpan('verify', () => verify(...args)),
    (durationMs) => metrics.verified(durationMs),
  )
}

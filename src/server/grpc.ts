import type { OperatorCredential } from '../core/operators/trust.js'
import type { Tls } from '../credentials/tls.js'
import { identityService } from '../grpc/services/identity.js'
import { sessionService } from '../grpc/services/session.js'
import { LiveEndings } from '../grpc/services/tokens/live-endings.js'
import { tokensService } from '../grpc/services/tokens/tokens.js'
import { TlsServerCredentials } from '../grpc/transport/grpc-js.js'
import { type GrpcServer, startGrpcServer } from '../grpc/transport/server.js'
import { backgroundTimer } from '../net/background-timers.js'
import { adminServices } from './admin.js'
import type { Backend } from './backend.js'
import type { ServerContext } from './context.js'
import { startMinting } from './minting.js'
import type { TokenDesk } from './tokens.js'

/** Serves Create, what sessions are for, the server's identity, and the services for operators. Throws ListenError. */
export async function startGrpc(
  context: ServerContext,
  backend: Backend,
  tls: Tls | null,
  credential: OperatorCredential | null,
  desk: TokenDesk,
): Promise<{ readonly server: GrpcServer; readonly live: LiveEndings }> {
  const { config, log, observer, onLimited, unsent, lifecycle } = context
  const { create, keys, clock, store } = backend
  const minting = startMinting(context, backend)
  const signed = { ...minting, clock, maxEpochDriftMs: config.maxEpochDriftMs }
  const live = new LiveEndings({
    store,
    nowMs: () => clock.nowMs(),
    after: backgroundTimer,
    answers: minting.answers,
    onFailure: (error) =>
      log.warn(
        { event: 'endings-not-read', reason: (error as Error).message },
        'watchers of endings wait until the store can be read',
      ),
  })
  const server = await startGrpcServer({
    address: config.grpc,
    socketMode: config.grpcSocketMode,
    services: {
      'session.Session': sessionService({ create, ...minting, observer }),
      'sessiond.v1.Tokens': tokensService(desk, signed, live, observer),
      'sessiond.v1.Identity': identityService(keys.identity, { observer }),
      ...adminServices(context, backend, credential),
    },
    // A Unix socket needs no TLS: its mode says who may connect, and nobody is in between.
    ...(tls !== null && !('path' in config.grpc) && { credentials: new TlsServerCredentials(tls) }),
    limits: config,
    hooks: { onLimited },
    unsent,
  })
  lifecycle.listens(server)
  return { server, live }
}

import { createServer, type Socket } from 'node:net'
import { type Server, ServerCredentials } from '@grpc/grpc-js'
import type { GrpcLimits } from '../../config/grpc-limits.js'
import type { Address } from '../../net/address.js'
import { listen } from '../../net/listen.js'
import type { Unsent } from '../../net/unsent.js'
import type { GrpcService } from '../pipeline/contracts.js'
import { addHealth } from '../services/health.js'
import { addReflection } from '../services/reflection.js'
import { Connections } from './connections.js'
import { expectGrpcJs } from './grpc-js.js'
import { GuardedServer } from './guarded-server.js'
import type { OnLimited } from './limits.js'
import { OpenStreams, shutDown } from './shutdown.js'

const KEEPALIVE_TIME_MS = 60_000
const KEEPALIVE_TIMEOUT_MS = 20_000
const ENFORCE_INTERVAL_MS = 100
/** How long clients may take, at a stop, to hear that a stream has ended. */
const STREAM_END_TIMEOUT_MS = 1_000
/** As many as Linux lets wait by default: a storm of connections must not make good callers wait. */
const BACKLOG = 4096

export interface GrpcServerOptions {
  readonly address: Address
  /** Of a Unix socket (default: 0600). */
  readonly socketMode?: number
  /** By full name. */
  readonly services: Readonly<Record<string, GrpcService>>
  /** Default: no transport security. */
  readonly credentials?: ServerCredentials
  readonly limits: GrpcLimits
  readonly hooks: { readonly onLimited: OnLimited }
  /** Counts the answers that wait, of all listeners. */
  readonly unsent: Unsent
}

export interface GrpcServer {
  /** Where it listens: `HOST:PORT` or `unix:PATH`; several addresses are separated by commas. */
  readonly address: string
  /** What is open and running now. */
  report(): { readonly connections: number; readonly calls: number }
  /** What health says. */
  setServing(isServing: boolean): void
  /**
   * Ends streams with UNAVAILABLE, lets other calls under way finish for `graceMs`, then cuts them. Returns
   * how many connections had such calls. Called again with less, it cuts sooner.
   */
  close(graceMs: number): Promise<number>
}

/** Serves the services, with health and reflection. Throws ListenError, DependencyMismatchError. */
export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const { services, limits, hooks, socketMode = 0o600 } = options
  expectGrpcJs('server')
  // Not the wall clock, which may be set: then all would have taken too long at once, or nobody would for hours.
  const nowMs = () => performance.now()
  const connections = new Connections(limits, hooks.onLimited, nowMs, options.unsent)
  const streams = new OpenStreams()
  const grpcOptions = { ...optionsOf(limits), interceptors: [streams.interceptor] }
  const server = new GuardedServer(grpcOptions, connections, hooks.onLimited, limits)
  const names = Object.keys(services)
  for (const { definition, implementation } of Object.values(services)) {
    server.addService(definition, implementation)
  }
  const health = addHealth(server, ['', ...names])
  addReflection(server, names)

  const inject = server.createInjector(options.credentials ?? ServerCredentials.createInsecure())
  const isUnix = 'path' in options.address
  let unixPeers = 0
  const listener = createServer((socket) => {
    if (isUnix) {
      numberPeer(socket, ++unixPeers)
    }
    const { remoteAddress, remotePort } = socket
    socket.on('error', () => {}) // 'close' follows.
    if (
      remoteAddress === undefined ||
      remotePort === undefined ||
      !connections.accept(socket, remoteAddress, remotePort)
    ) {
      if (isUnix) {
        socket.destroy()
      } else {
        socket.resetAndDestroy()
      }
      return
    }
    socket.once('close', () => connections.closed(socket, remoteAddress, remotePort))
    inject(socket)
  })
  const settings = { option: '--grpc', backlog: BACKLOG, socketMode }
  const listening = await listen(listener, options.address, settings)
  const { address } = listening
  listener.on('error', () => hooks.onLimited('accept', address))
  const enforcing = setInterval(() => connections.enforce(), ENFORCE_INTERVAL_MS)
  const setServing = (isServing: boolean) => {
    for (const name of ['', ...names]) {
      health.setStatus(name, isServing ? 'SERVING' : 'NOT_SERVING')
    }
  }
  return {
    address,
    report: () => ({ connections: connections.size, calls: server.calls }),
    setServing,
    async close(graceMs) {
      setServing(false)
      streams.stop()
      // A client that has not read the end of its stream by then does not delay the stop.
      const cutTimer = setTimeout(() => server.cutStreams(), STREAM_END_TIMEOUT_MS)
      void listening.close()
      connections.cutUnopened()
      const cut = await shutDown(server, graceMs)
      clearTimeout(cutTimer)
      clearInterval(enforcing)
      return cut
    },
  }
}

function optionsOf(limits: GrpcLimits): ConstructorParameters<typeof Server>[0] {
  return {
    'grpc.max_receive_message_length': limits.maxMessageBytes,
    'grpc.max_concurrent_streams': limits.maxStreams,
    ...(limits.maxConnectionIdleMs > 0 && {
      'grpc.max_connection_idle_ms': limits.maxConnectionIdleMs,
    }),
    ...(limits.maxConnectionAgeMs > 0 && {
      'grpc.max_connection_age_ms': limits.maxConnectionAgeMs,
      'grpc.max_connection_age_grace_ms': limits.maxConnectionAgeGraceMs,
    }),
    // channelz keeps what it has seen.
    'grpc.enable_channelz': 0,
    'grpc.keepalive_time_ms': KEEPALIVE_TIME_MS,
    'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
  }
}

/** Peers of a Unix socket have no address: they count as one peer, and get numbers in place of ports. */
function numberPeer(socket: Socket, number: number): void {
  Object.defineProperties(socket, {
    remoteAddress: { value: 'unix' },
    remotePort: { value: number },
  })
}

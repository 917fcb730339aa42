import {
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { ReflectionService } from '@grpc/reflection'
import { HealthImplementation } from 'grpc-health-check'
import { ListenError } from '../core/errors.js'
import { publishedFiles } from './contracts.js'
import { OpenStreams } from './open-streams.js'
import { shutDown } from './shutdown.js'

/** Above the largest message that any service takes; each service has its own, smaller limit. */
const MAX_RECEIVE_BYTES = 128 * 1024
const MAX_CONCURRENT_STREAMS = 256
const KEEPALIVE_TIME_MS = 60_000
const KEEPALIVE_TIMEOUT_MS = 20_000

export interface GrpcService {
  readonly definition: ServiceDefinition
  readonly implementation: UntypedServiceImplementation
}

export interface GrpcServerOptions {
  /** Default: no TLS. */
  readonly credentials?: ServerCredentials
}

export interface GrpcServer {
  /** Where it really listens, `HOST:PORT`. */
  readonly address: string
  /** Health says NOT_SERVING from now on. */
  stopServing(): void
  /**
   * Ends streams with UNAVAILABLE, lets other calls under way finish for `graceMs`, then cuts them. Returns
   * how many connections had such calls. Called again with less, it cuts sooner.
   */
  close(graceMs: number): Promise<number>
}

/** Serves the services by full name, with health and reflection. `address` is `HOST:PORT`. */
export async function startGrpcServer(
  host: string,
  port: number,
  services: Readonly<Record<string, GrpcService>>,
  { credentials = ServerCredentials.createInsecure() }: GrpcServerOptions = {},
): Promise<GrpcServer> {
  const streams = new OpenStreams()
  const server = new Server({
    interceptors: [streams.interceptor],
    'grpc.max_receive_message_length': MAX_RECEIVE_BYTES,
    // grpc-js bounds neither by default, and channelz keeps what it has seen.
    'grpc.max_concurrent_streams': MAX_CONCURRENT_STREAMS,
    'grpc.enable_channelz': 0,
    'grpc.keepalive_time_ms': KEEPALIVE_TIME_MS,
    'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
  })
  const names = Object.keys(services)
  for (const { definition, implementation } of Object.values(services)) {
    server.addService(definition, implementation)
  }
  const health = new HealthImplementation(
    Object.fromEntries(['', ...names].map((name) => [name, 'SERVING'])),
  )
  health.addToServer(server)
  addReflection(server, names)

  const bracketed = host.includes(':') ? `[${host}]` : host
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`${bracketed}:${port}`, credentials, (error, bound) =>
      error === null
        ? resolve(bound)
        : reject(new ListenError('--grpc', `${bracketed}:${port}`, error)),
    )
  })
  const address = `${bracketed}:${bound}`
  const stopServing = () => {
    for (const name of ['', ...names]) {
      health.setStatus(name, 'NOT_SERVING')
    }
  }
  return {
    address,
    stopServing,
    close(graceMs) {
      stopServing()
      streams.stop()
      return shutDown(server, graceMs)
    },
  }
}

/** Reflection v1 and v1alpha of what is registered. */
function addReflection(server: Server, names: readonly string[]): void {
  const fileDescriptorProtos = publishedFiles()
  const all = { format: '', type: {}, fileDescriptorProtos }
  const services = [...names, 'grpc.health.v1.Health']
  new ReflectionService({ all } as never, { services }).addToServer(server)
}

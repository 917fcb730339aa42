import type {
  Http2Server,
  IncomingHttpHeaders,
  ServerHttp2Session,
  ServerHttp2Stream,
} from 'node:http2'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import * as grpcJs from '@grpc/grpc-js'
import { DependencyMismatchError } from '../../core/errors.js'
import type { Tls } from '../../credentials/tls.js'

// Everything that the server and the client use of grpc-js beyond its public API. Check this file when you move to another
// release: a server does not start when a part is missing.

/** The release that this file was written for. A test runs it against the pinned one. */
export const RELEASE = '1.14.7'

type GrpcJs = Pick<
  typeof grpcJs,
  'Server' | 'ServerCredentials' | 'ChannelCredentials' | 'CallCredentials' | 'credentials'
>
type Part = readonly [name: string, isThere: (library: GrpcJs) => boolean]

/** What a grpc-js server keeps of its connections, privately. */
interface ServerInside {
  readonly http2Servers?: ReadonlyMap<
    Http2Server,
    { readonly sessions: ReadonlySet<ServerHttp2Session> }
  >
}

export type StreamListener = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void

const http2ServersOf = (server: grpcJs.Server) => (server as unknown as ServerInside).http2Servers

/** The HTTP/2 server that grpc-js made for a connection injector. */
export function http2ServerOf(server: grpcJs.Server): Http2Server {
  const [http2Server] = http2ServersOf(server)?.keys() ?? []
  return http2Server as Http2Server
}

/** Its open connections: `forceShutdown` knows of none without channelz, and `tryShutdown` ends them in one step. */
export function sessionsOf(server: grpcJs.Server): ServerHttp2Session[] {
  return Array.from(http2ServersOf(server)?.values() ?? [], ({ sessions }) => [...sessions]).flat()
}

/** Removes the listener with which grpc-js serves streams, and returns it. */
export function takeStreamListener(http2Server: Http2Server): StreamListener {
  const [serve] = http2Server.listeners('stream') as [StreamListener]
  http2Server.removeAllListeners('stream')
  return serve
}

/** An interceptor that adds nothing to a call: grpc-js accepts the call itself, though its types want it wrapped. */
export const notIntercepted = (call: Parameters<grpcJs.ServerInterceptor>[1]) =>
  call as grpcJs.ServerInterceptingCall

/** Received too large, or too large when unpacked. */
const TOO_LARGE = /^Received%20message%20(larger|that%20decompresses)/

/** Whether grpc-js refused a message for its size. It does so before any handler, and tells only the client. */
export function wasTooLarge({ sentHeaders, sentTrailers }: ServerHttp2Stream): boolean {
  const told = sentTrailers?.['grpc-message'] ?? sentHeaders?.['grpc-message']
  return typeof told === 'string' && TOO_LARGE.test(told)
}

/**
 * TLS for new connections, from the files as they are then; open connections keep theirs. grpc-js's own certificate
 * provider cannot set the lowest version of TLS, and refuses connections until its first call.
 */
export class TlsServerCredentials extends grpcJs.ServerCredentials {
  constructor(tls: Pick<Tls, 'asking' | 'current' | 'onChange'>) {
    super(tls.asking, tls.current())
    tls.onChange((context) => this.updateSecureContextOptions(context))
  }

  override _equals(other: grpcJs.ServerCredentials): boolean {
    return this === other
  }
}

type SecureConnector = ReturnType<grpcJs.ChannelCredentials['_createSecureConnector']>

/** TLS for a channel, with a handshake of our own. */
export class TlsChannelCredentials extends grpcJs.ChannelCredentials {
  constructor(private readonly handshake: (socket: Socket) => Promise<TLSSocket>) {
    super()
    expectGrpcJs('client')
  }

  override _isSecure(): boolean {
    return true
  }

  override _equals(other: grpcJs.ChannelCredentials): boolean {
    return this === other
  }

  override _createSecureConnector(
    _target: unknown,
    _options: unknown,
    callCredentials = grpcJs.CallCredentials.createEmpty(),
  ): SecureConnector {
    return {
      connect: async (socket) => ({ socket: await this.handshake(socket), secure: true }),
      waitForReady: async () => {},
      getCallCredentials: () => callCredentials,
      destroy() {},
    }
  }
}

const PARTS: Readonly<Record<'server' | 'client', readonly Part[]>> = {
  server: [
    [
      'the HTTP/2 servers of a Server and their sessions, in Server.http2Servers',
      (library) => {
        const entries = [...(http2ServersOf(serverOf(library))?.values() ?? [])]
        return entries.length === 1 && entries[0]?.sessions instanceof Set
      },
    ],
    [
      'one listener of streams on its HTTP/2 server',
      (library) => http2ServerOf(serverOf(library)).listenerCount('stream') === 1,
    ],
    [
      'Server.register, by which addService adds every method',
      (library) => {
        const paths: string[] = []
        class Probe extends library.Server {
          override register(path: string): boolean {
            paths.push(path)
            return true
          }
        }
        const method = { path: '/a/B', requestStream: false, responseStream: false }
        new Probe().addService({ B: method } as never, { B() {} })
        return paths.join() === '/a/B'
      },
    ],
    [
      'ServerCredentials that take a context of TLS, and another one later',
      (library) => {
        class Probe extends library.ServerCredentials {
          override _equals = () => false
          readonly renew = () => this.updateSecureContextOptions({ ciphers: 'b' })
        }
        const probe = new Probe({}, { ciphers: 'a' })
        const seen = [probe._getSecureContextOptions()?.ciphers]
        probe._addWatcher((context) => seen.push(context?.ciphers))
        probe.renew()
        return probe._isSecure() && seen.join() === 'a,b'
      },
    ],
  ],
  client: [
    [
      'ChannelCredentials that make a connector of sockets',
      ({ credentials, CallCredentials }) => {
        const made = credentials.createInsecure()
        const connector = made._createSecureConnector(
          { path: 'localhost' },
          {},
          CallCredentials.createEmpty(),
        )
        const members = ['connect', 'waitForReady', 'getCallCredentials', 'destroy'] as const
        return (
          typeof made._equals === 'function' &&
          made._isSecure() === false &&
          members.every((name) => typeof connector[name] === 'function')
        )
      },
    ],
  ],
}

function serverOf(library: GrpcJs): grpcJs.Server {
  const server = new library.Server()
  server.createConnectionInjector(library.ServerCredentials.createInsecure())
  return server
}

/** Throws DependencyMismatchError if the installed grpc-js lacks a part. */
export function expectGrpcJs(side: 'server' | 'client', library: GrpcJs = grpcJs): void {
  for (const [name, isThere] of PARTS[side]) {
    let found = false
    let cause: unknown
    try {
      found = isThere(library)
    } catch (error) {
      cause = error
    }
    if (!found) {
      throw new DependencyMismatchError('@grpc/grpc-js', name, RELEASE, cause)
    }
  }
}

import {
  constants,
  type Http2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { Server, type ServerCredentials, type StatusObject, status } from '@grpc/grpc-js'
import type { GrpcLimits } from '../../config/grpc-limits.js'
import { BusyError, RateLimitedError } from '../../core/errors.js'
import { certificateProblem } from '../../net/peer-certificate.js'
import { isPastDeadline } from '../pipeline/call.js'
import { type Refusal, toStatus } from '../pipeline/status.js'
import type { Connections } from './connections.js'
import { http2ServerOf, takeStreamListener, wasTooLarge } from './grpc-js.js'
import { mendHeaders } from './headers.js'
import type { OnLimited } from './limits.js'
import { deferClose } from './shutdown.js'

/** Health and reflection: their callers prove nothing, and their streams may stay open for ever. */
const OPEN_TO_ALL = '/grpc.'
/** Streams of health and reflection on one connection. Each takes some 10 KB; clients need one or two. */
const MAX_LASTING_STREAMS = 16
/**
 * What a refused call counts against a peer's failures: 1 where signatures or a credential were checked; less
 * where it was not worth that much, so that a client with a wrong clock does not shut out all those behind the
 * same address. Signatures of several levels count once for each. What a caller who proved itself is refused with
 * later counts nothing.
 */
const FAILURE_WEIGHTS: Partial<Record<status, number>> = {
  [status.UNAUTHENTICATED]: 1,
  [status.PERMISSION_DENIED]: 1,
  // Of a session that is not the caller's, or is not there.
  [status.NOT_FOUND]: 1,
  [status.INVALID_ARGUMENT]: 0.2,
  [status.FAILED_PRECONDITION]: 0.2,
}

/** For all headers of a call, counted as in RFC 9113 section 6.5.2. Node ends larger calls as RESOURCE_EXHAUSTED. */
const MAX_METADATA_BYTES = 16 * 1024

/** A call, as handlers of every kind get it. */
interface Call {
  readonly request?: unknown
  /** Of its connection: for who asks for a certificate. */
  certificateProblem?: string
  getPeer(): string
  getDeadline(): Date | number
  emit(event: 'error', status: Partial<StatusObject>): boolean
  on(event: 'error', listener: (error: Partial<Refusal>) => void): this
  once(event: 'close', listener: () => void): this
}
type Callback = (error: Partial<Refusal> | null, ...rest: unknown[]) => void
type Registration<Request, Response> = Parameters<
  typeof Server.prototype.register<Request, Response>
>
/** What Node passes with a stream. Its types omit the raw headers: names and values alternating. */
type StreamEvent = readonly [
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  flags: number,
  rawHeaders: readonly string[],
]
type Handler = (call: Call, callback: Callback) => void

/** A grpc-js server that applies the limits of its peer to every call of every service. */
export class GuardedServer extends Server {
  /** Running calls. */
  calls = 0
  readonly #refusals: Readonly<Record<'peer-calls' | 'peer-failures' | 'lasting-streams', Refusal>>
  /** Methods whose requests are streams, and so may stay open. */
  readonly #requestStreams = new Set<string>()
  /** Methods that answer with a stream, and their open streams. */
  readonly #answerStreams = new Set<string>()
  readonly #openStreams = new Set<ServerHttp2Stream>()

  constructor(
    options: ConstructorParameters<typeof Server>[0],
    private readonly connections: Connections,
    private readonly onLimited: OnLimited,
    { peerCallsPerSecond, peerFailuresPerSecond }: GrpcLimits,
  ) {
    super(options)
    this.#refusals = {
      'peer-calls': toStatus(new RateLimitedError('calls', peerCallsPerSecond)),
      'peer-failures': toStatus(new RateLimitedError('failures', peerFailuresPerSecond)),
      'lasting-streams': toStatus(
        new BusyError('streams of health and reflection on this connection', MAX_LASTING_STREAMS),
      ),
    }
  }

  /** Every service is added with this method, health and reflection too. */
  override register<Request, Response>(
    ...[path, handler, serialize, deserialize, type]: Registration<Request, Response>
  ): boolean {
    if (type === 'clientStream' || type === 'bidi') {
      this.#requestStreams.add(path)
    }
    if (type === 'serverStream' || type === 'bidi') {
      this.#answerStreams.add(path)
    }
    const guarded = this.#guard(path, handler as unknown as Handler)
    return super.register(path, guarded as unknown as typeof handler, serialize, deserialize, type)
  }

  /** Cuts the calls that answer with a stream, even if their clients have not read everything. */
  cutStreams(): void {
    for (const stream of this.#openStreams) {
      stream.close(constants.NGHTTP2_CANCEL)
    }
  }

  /** Returns a function that serves an accepted socket. */
  createInjector(credentials: ServerCredentials): (socket: Socket) => void {
    const injector = this.createConnectionInjector(credentials)
    const http2 = http2ServerOf(this)
    http2.updateSettings({ maxHeaderListSize: MAX_METADATA_BYTES })
    http2.on('session', (session) => {
      deferClose(session)
      const connection = this.connections.of(peerOf(session))
      if (connection !== undefined) {
        connection.session = session
        connection.certificateProblem = certificateProblem(session.socket)
      }
    })
    const serve = takeStreamListener(http2)
    http2.on('stream', (...[stream, headers, , rawHeaders]: StreamEvent) => {
      const connection = this.connections.of(peerOf(stream.session))
      const path = `${headers[':path']}`
      if (this.#answerStreams.has(path)) {
        this.#openStreams.add(stream)
        stream.once('close', () => this.#openStreams.delete(stream))
      }
      if (connection !== undefined) {
        const hasEnd = !this.#requestStreams.has(path)
        this.connections.streamOpened(connection, stream, hasEnd)
        stream.once('close', () => {
          connection.streamClosed(stream)
          if (wasTooLarge(stream)) {
            this.onLimited('message-size', connection.peer.address)
          }
        })
      }
      // This stream may just have made the server cut its peer off. For a method that does not exist grpc-js would then
      // throw, which would end the process.
      if (!stream.closed && !stream.destroyed) {
        mendHeaders(headers, rawHeaders)
        serve(stream, headers)
      }
    })
    return (socket) => injector.injectConnection(socket)
  }

  #guard(path: string, handler: Handler): Handler {
    const isOpenToAll = path.startsWith(OPEN_TO_ALL)
    return (call, callback) => {
      const answer: (error: Partial<StatusObject>) => void =
        callback ?? ((error) => call.emit('error', error))
      const connection = this.connections.of(call.getPeer())
      if (connection === undefined || connection.isOver) {
        // Nobody waits for the answer.
        answer({ code: status.CANCELLED })
        return
      }
      if (isPastDeadline(call)) {
        // The request ended after its deadline. The client was told that it failed, so nothing may be done.
        answer({ code: status.DEADLINE_EXCEEDED })
        return
      }
      if (connection.certificateProblem !== undefined) {
        call.certificateProblem = connection.certificateProblem
      }
      const { peer } = connection
      const isLasting = callback === undefined && isOpenToAll
      const limit = !peer.takeCall()
        ? 'peer-calls'
        : !isOpenToAll && peer.failsTooOften
          ? 'peer-failures'
          : isLasting && connection.lastingStreams >= MAX_LASTING_STREAMS
            ? 'lasting-streams'
            : null
      if (limit !== null) {
        this.onLimited(limit, peer.address)
        answer(this.#refusals[limit])
        return
      }
      connection.countCall(call.request instanceof Uint8Array ? call.request.length : 0)
      const note = (error: Partial<Refusal> | null) => {
        const weight = FAILURE_WEIGHTS[error?.code ?? status.OK]
        if (weight !== undefined) {
          peer.countFailure(weight * (error?.failures ?? 1))
        }
      }
      this.calls++
      if (isLasting) {
        connection.lastingStreams++
      } else if (!isOpenToAll) {
        this.connections.callBegan(connection)
      }
      let hasEnded = false
      const end = () => {
        if (hasEnded) {
          return // What answers may fail to, and then refuse.
        }
        hasEnded = true
        this.calls--
        if (isLasting) {
          connection.lastingStreams--
        } else if (!isOpenToAll) {
          this.connections.callEnded(connection)
        }
      }
      if (callback === undefined) {
        call.on('error', note).once('close', end)
        handler(call, callback)
        if (this.#requestStreams.has(path)) {
          readNoFasterThanAnswered(call as Call & Duplex)
        }
      } else {
        handler(call, (error, ...rest) => {
          note(error)
          end()
          callback(error, ...rest)
        })
      }
    }
  }
}

/** Pauses requests while the client reads no answers: reflection itself answers without limit. */
function readNoFasterThanAnswered(call: Duplex): void {
  call.on('data', () => {
    if (call.writableNeedDrain) {
      call.pause()
      call.once('drain', () => call.resume())
    }
  })
}

/** As a call's `getPeer()` has it. */
function peerOf(session: Http2Session | undefined): string {
  const socket = session?.socket
  return `${socket?.remoteAddress}:${socket?.remotePort}`
}

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

/** Whose calls prove nothing of the caller, and may stay open for ever: health and reflection. */
const OPEN_TO_ALL = '/grpc.'
/** Of these on one connection: some 10 KB each, for as long as anyone likes. Clients need one or two. */
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
  [status.INVALID_ARGUMENT]: 0.2,
  [status.FAILED_PRECONDITION]: 0.2,
}

/** All headers of a call, counted as RFC 9113 section 6.5.2 has it. Node ends a stream with more as RESOURCE_EXHAUSTED. */
const MAX_METADATA_BYTES = 16 * 1024

/** A call as every kind of handler gets it. */
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
/** What Node hands over with a stream; its types leave out the headers as they came, by turns names and values. */
type StreamEvent = readonly [
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  flags: number,
  rawHeaders: readonly string[],
]
type Handler = (call: Call, callback: Callback) => void

/** A grpc-js server with every call of every service under the limits of its peer. */
export class GuardedServer extends Server {
  /** Calls under way. */
  calls = 0
  readonly #refusals: Readonly<Record<'peer-calls' | 'peer-failures' | 'lasting-streams', Refusal>>
  /** Methods whose requests are streams, which may stay open. */
  readonly #requestStreams = new Set<string>()
  /** Methods whose answers are streams, and those streams that are open. */
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

  /** Every service is added by this, health and reflection too. */
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

  /** Cuts the calls that are answered with a stream, whether or not their clients have taken what was sent. */
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
      // The peer may just have been cut off for this very stream. What grpc-js then answers to a
      // method that there is not would throw, and stop the process.
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
        // Nobody waits for the answer any more.
        answer({ code: status.CANCELLED })
        return
      }
      if (isPastDeadline(call)) {
        // Its end may have come after its deadline. Whoever was told that it failed must find nothing done.
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

/** Reflection answers whatever comes, also who never reads: it waits for its reader, and the requests with it. */
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

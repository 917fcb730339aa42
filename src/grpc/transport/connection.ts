import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import { Stall } from '../../net/unsent.js'
import type { Peer } from './peers.js'

/** What opening a stream costs a peer, in bytes wasted, until it has become a call. */
const STREAM_WASTE_BYTES = 1024
/** What a call may have in headers and framing, beside its message. */
const CALL_OVERHEAD_BYTES = 512

export type ConnectionSocket = Pick<Socket, 'bytesRead' | 'destroy'>
export type ConnectionSession = Pick<ServerHttp2Session, 'destroy'>
export type ConnectionStream = Pick<
  ServerHttp2Stream,
  'close' | 'headersSent' | 'on' | 'readableEnded' | 'respond' | 'writableEnded' | 'writableLength'
>

/** What a call takes up beside its message until its client has taken the answer. */
const ANSWER_BYTES = 10 * 1024

/** One connection, from its acceptance on. */
export class Connection {
  /** null: HTTP/2 has not begun. */
  session: ConnectionSession | null = null
  /** Why a client certificate was shown and not verified. */
  certificateProblem: string | undefined
  /** It was told to end, or is closed. */
  isOver = false
  /** Without those that may stay open for ever. */
  callsUnderWay = 0
  /** Those that may, as watches of health. */
  lastingStreams = 0
  /** Open streams, and since when; Infinity: the end of its request is not awaited. */
  readonly streams = new Map<ConnectionStream, number>()
  /** Ends the count of what its answers take up. */
  uncount: () => void = () => {}
  /** What its answers took up at the last look. */
  unsentBytes = 0
  /** Of streams whose answers waited at the last look. */
  readonly #stalls = new Map<ConnectionStream, Stall>()
  #bytesSeen = 0
  /** Bytes that served no call so far; below zero where a call was made before its bytes were counted. */
  #wastedBytes = 0

  constructor(
    readonly socket: ConnectionSocket,
    readonly peer: Peer,
    readonly openedMs: number,
  ) {}

  /** A stream that never becomes a call, one reset for instance, costs the server more than its bytes. */
  countStream(): void {
    this.#waste(STREAM_WASTE_BYTES)
  }

  /** A stream has become a call, so what came for it is not wasted. */
  countCall(messageBytes: number): void {
    this.#waste(-(STREAM_WASTE_BYTES + CALL_OVERHEAD_BYTES + messageBytes))
  }

  /** Counts what has arrived since the last time: pings and settings are nowhere else to be seen. */
  countBytes(): void {
    const { bytesRead } = this.socket
    this.#waste(bytesRead - this.#bytesSeen)
    this.#bytesSeen = bytesRead
    this.#wastedBytes = Math.max(0, this.#wastedBytes)
  }

  streamClosed(stream: ConnectionStream): void {
    this.streams.delete(stream)
    this.#stalls.delete(stream)
  }

  /** To be called several times a second: counts what waits, and tells of answers that had their time. */
  countUnsent(
    nowMs: number,
    onStalled: (connection: Connection, stream: ConnectionStream) => void,
  ): void {
    this.unsentBytes = 0
    for (const stream of this.streams.keys()) {
      const { writableEnded, writableLength } = stream
      const bytes = writableEnded || writableLength > 0 ? ANSWER_BYTES + writableLength : 0
      let stall = this.#stalls.get(stream)
      if (stall === undefined && bytes > 0) {
        stall = new Stall(stream)
        this.#stalls.set(stream, stall)
      }
      if (stall?.isOver(bytes, nowMs)) {
        onStalled(this, stream)
      } else {
        this.unsentBytes += bytes
      }
    }
  }

  /** Once HTTP/2 has begun by a GOAWAY, from which the client knows which calls were not taken. */
  end(): void {
    this.isOver = true
    if (this.session === null) {
      this.socket.destroy()
    } else {
      this.session.destroy()
    }
  }

  #waste(bytes: number): void {
    const before = Math.max(0, this.#wastedBytes)
    this.#wastedBytes += bytes
    this.peer.waste(Math.max(0, this.#wastedBytes) - before)
  }
}

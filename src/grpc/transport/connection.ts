import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import { Stall } from '../../net/unsent.js'
import type { Peer } from './peers.js'

/** Opening a stream counts as so many wasted bytes until the stream has become a call. */
const STREAM_WASTE_BYTES = 1024
/** A call may have so many bytes of headers and framing besides its message. */
const CALL_OVERHEAD_BYTES = 512

export type ConnectionSocket = Pick<Socket, 'bytesRead' | 'destroy'>
export type ConnectionSession = Pick<ServerHttp2Session, 'destroy'>
export type ConnectionStream = Pick<
  ServerHttp2Stream,
  'close' | 'headersSent' | 'on' | 'readableEnded' | 'respond' | 'writableEnded' | 'writableLength'
>

/** A call takes so much memory besides its message until its client has read the answer. */
const ANSWER_BYTES = 10 * 1024

/** One connection, from its acceptance on. */
export class Connection {
  /** null: HTTP/2 has not begun. */
  session: ConnectionSession | null = null
  /** Why a client certificate was shown and not verified. */
  certificateProblem: string | undefined
  /** Whether it was told to end, or is closed. */
  isOver = false
  /** Without streams that may stay open for ever. */
  callsUnderWay = 0
  /** Streams that may stay open for ever, such as health watches. */
  lastingStreams = 0
  /** When each open stream began; Infinity: its request needs no end. */
  readonly streams = new Map<ConnectionStream, number>()
  /** Stops counting what its answers take up. */
  uncount: () => void = () => {}
  /** What its answers took up at the last `countUnsent`. */
  unsentBytes = 0
  /** Of streams whose answers waited at the last `countUnsent`. */
  readonly #stalls = new Map<ConnectionStream, Stall>()
  #bytesSeen = 0
  /** Bytes that served no call. Below zero while a call's bytes are not counted yet. */
  #wastedBytes = 0

  constructor(
    readonly socket: ConnectionSocket,
    readonly peer: Peer,
    readonly openedAtMs: number,
  ) {}

  /** Counts a stream: one that never becomes a call, because the peer resets it, costs more than its bytes. */
  countStream(): void {
    this.#waste(STREAM_WASTE_BYTES)
  }

  /** A stream has become a call, so its bytes are not wasted. */
  countCall(messageBytes: number): void {
    this.#waste(-(STREAM_WASTE_BYTES + CALL_OVERHEAD_BYTES + messageBytes))
  }

  /** Counts the bytes received since the last time: only byte counts reveal PING and SETTINGS frames. */
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

  /** Counts what waits, and reports answers that waited too long. Call it several times a second. */
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

  /** Once HTTP/2 has begun, GOAWAY tells the client which calls were not taken. */
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

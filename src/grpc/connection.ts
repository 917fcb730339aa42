import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { Peer } from './peers.js'

/** What opening a stream costs a peer, in bytes wasted, until it has become a call. */
const STREAM_WASTE_BYTES = 1024
/** What a call may have in headers and framing, beside its message. */
const CALL_OVERHEAD_BYTES = 512

export type ConnectionSocket = Pick<Socket, 'bytesRead' | 'destroy'>
export type ConnectionSession = Pick<ServerHttp2Session, 'destroy'>
export type ConnectionStream = Pick<ServerHttp2Stream, 'close' | 'readableEnded'>

/** One connection, from its acceptance on. */
export class Connection {
  /** null: HTTP/2 has not begun. */
  session: ConnectionSession | null = null
  /** It was told to end, or is closed. */
  isOver = false
  /** Without those that may stay open for ever. */
  callsUnderWay = 0
  /** Those that may, as watches of health. */
  lastingStreams = 0
  /** Streams whose request may still be arriving, and since when. */
  readonly arriving = new Map<ConnectionStream, number>()
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

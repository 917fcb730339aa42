import { constants, type OutgoingHttpHeaders } from 'node:http2'
import type { GrpcLimits } from '../../config/grpc-limits.js'
import { RequestTimeoutError } from '../../core/errors.js'
import { peerAddress } from '../../net/peer-address.js'
import type { Unsent } from '../../net/unsent.js'
import { toHeaders, toStatus } from '../pipeline/status.js'
import { Connection, type ConnectionSocket, type ConnectionStream } from './connection.js'
import type { Limit, OnLimited } from './limits.js'
import { type Peer, type PeerLimits, Peers } from './peers.js'

/** Many programs of this machine share these: one that leaves its answers must not bar the others. */
const SHARED_ADDRESSES: ReadonlySet<string> = new Set(['unix', '127.0.0.1', '::1'].map(peerAddress))

type ConnectionLimits = PeerLimits & Pick<GrpcLimits, 'maxConnections' | 'headerTimeoutMs'>

/**
 * Every open connection. Whoever takes from `maxConnections` without calling is the first to give
 * way: connections that never made a request, then those idle longest. One with a call under way
 * keeps its place.
 */
export class Connections {
  readonly #open = new Map<string, Connection>()
  /** Without a call under way, the first to give way first. */
  readonly #unused = new Set<Connection>()
  readonly #idle = new Set<Connection>()
  /** Told to end. They are cut at the next `enforce` if they have not. */
  readonly #ending = new Set<Connection>()

  readonly #peers: Peers
  readonly #lateRefusal: OutgoingHttpHeaders

  constructor(
    private readonly limits: ConnectionLimits,
    private readonly onLimited: OnLimited,
    private readonly nowMs: () => number,
    private readonly unsent: Unsent,
  ) {
    this.#lateRefusal = toHeaders(toStatus(new RequestTimeoutError(limits.headerTimeoutMs)))
    this.#peers = new Peers(limits, nowMs, (peer) => this.#cutFlooding(peer))
  }

  get size(): number {
    return this.#open.size
  }

  /** Takes a new connection, under its remote address and port, or says that it is to be cut. */
  accept(socket: ConnectionSocket, remoteAddress: string, remotePort: number): boolean {
    const key = keyOf(remoteAddress, remotePort)
    const earlier = this.#open.get(key)
    if (earlier !== undefined) {
      // Its peer is gone, or calls another address of this server from the same port. A call names its peer alone.
      earlier.socket.destroy()
      this.#leave(key, earlier)
    }
    const peer = this.#peers.of(remoteAddress)
    if (peer.isBarred) {
      this.onLimited('barred', peer.address)
      return false
    }
    if (this.#open.size - this.#ending.size >= this.limits.maxConnections) {
      const [first = this.#idle.values().next().value] = this.#unused
      this.onLimited('connections', (first?.peer ?? peer).address)
      if (first === undefined) {
        return false
      }
      this.#end(first)
    }
    const connection = new Connection(socket, peer, this.nowMs())
    this.#open.set(key, connection)
    this.#unused.add(connection)
    connection.uncount = this.unsent.add({
      address: peer.address,
      unsentBytes: () => connection.unsentBytes,
      // Its streams stall one by one.
      isStalled: () => false,
      cut: (hasTooMuch) => this.#endUntaken(connection, hasTooMuch),
    })
    return true
  }

  /** The connection of a call's `getPeer()`; undefined: it is gone. */
  of(key: string): Connection | undefined {
    return this.#open.get(key)
  }

  closed(socket: ConnectionSocket, remoteAddress: string, remotePort: number): void {
    const key = keyOf(remoteAddress, remotePort)
    const connection = this.#open.get(key)
    // Another connection may have the port by now.
    if (connection?.socket === socket) {
      this.#leave(key, connection)
    }
  }

  /** A request has begun. Where its end is awaited, it must come in time. */
  streamOpened(connection: Connection, stream: ConnectionStream, hasEnd: boolean): void {
    connection.countStream()
    connection.streams.set(stream, hasEnd ? this.nowMs() : Number.POSITIVE_INFINITY)
    if (this.#unused.delete(connection)) {
      this.#idle.add(connection)
    }
  }

  callBegan(connection: Connection): void {
    connection.callsUnderWay++
    this.#idle.delete(connection)
  }

  callEnded(connection: Connection): void {
    connection.callsUnderWay--
    if (connection.callsUnderWay === 0 && !connection.isOver) {
      this.#idle.add(connection)
    }
  }

  /** Cuts what took too long, and floods. Call it several times a second. */
  enforce(): void {
    const nowMs = this.nowMs()
    const latestAtMs = nowMs - this.limits.headerTimeoutMs
    for (const connection of this.#ending) {
      connection.socket.destroy()
    }
    for (const connection of this.#unused) {
      if (connection.openedAtMs > latestAtMs) {
        break
      }
      this.onLimited('header-timeout', connection.peer.address)
      this.#end(connection)
    }
    for (const connection of this.#open.values()) {
      if (!connection.isOver) {
        connection.countBytes()
      }
      // These bytes may have been too many. Its streams are then destroyed, and to answer one of them would throw.
      if (!connection.isOver) {
        this.#cutHalfSent(connection, latestAtMs)
        connection.countUnsent(nowMs, this.#cutStalled)
      }
    }
  }

  /** Those that have come no further than TCP or TLS: nothing of theirs is under way. */
  cutUnopened(): void {
    for (const { session, socket } of this.#open.values()) {
      if (session === null) {
        socket.destroy()
      }
    }
  }

  #cutHalfSent(connection: Connection, latestAtMs: number): void {
    for (const [stream, openedAtMs] of connection.streams) {
      if (openedAtMs <= latestAtMs && !stream.readableEnded) {
        this.#forgetStream('header-timeout', connection, stream)
        if (!stream.headersSent) {
          stream.respond(this.#lateRefusal, { endStream: true })
        }
        stream.close(constants.NGHTTP2_NO_ERROR)
      }
    }
  }

  readonly #cutStalled = (connection: Connection, stream: ConnectionStream) => {
    this.#forgetStream('answer-timeout', connection, stream)
    // RESOURCE_EXHAUSTED at the client, which reads nothing that could tell it more.
    stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM)
  }

  #forgetStream(limit: Limit, connection: Connection, stream: ConnectionStream): void {
    connection.streamClosed(stream)
    this.onLimited(limit, connection.peer.address)
  }

  #cutFlooding(peer: Peer): void {
    this.onLimited('flood', peer.address)
    for (const connection of this.#open.values()) {
      if (connection.peer === peer) {
        this.#end(connection)
      }
    }
  }

  /** A new connection of whoever does not take answers would leave as much as this one, which is cut. */
  #endUntaken(connection: Connection, hasTooMuch: boolean): void {
    const { peer } = connection
    if (hasTooMuch && !SHARED_ADDRESSES.has(peer.address) && !peer.isBarred) {
      peer.bar()
    }
    this.#end(connection)
  }

  #end(connection: Connection): void {
    this.#forget(connection)
    this.#ending.add(connection)
    connection.end()
  }

  #leave(key: string, connection: Connection): void {
    // HTTP/2 ends some floods by itself, and between two looks.
    connection.countBytes()
    connection.isOver = true
    this.#open.delete(key)
    this.#forget(connection)
    this.#ending.delete(connection)
  }

  #forget(connection: Connection): void {
    connection.uncount()
    this.#unused.delete(connection)
    this.#idle.delete(connection)
  }
}

function keyOf(remoteAddress: string, remotePort: number): string {
  return `${remoteAddress}:${remotePort}`
}

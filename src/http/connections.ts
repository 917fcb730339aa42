import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Server as TlsServer } from 'node:tls'
import { limitConnections } from '../net/connections.js'
import type { Unsent } from '../net/unsent.js'

/** The memory of an unsent answer beside its bytes. */
const ANSWER_BYTES = 8 * 1024

/**
 * Limits the connections of an HTTP server. At the limit a new connection replaces the one that has been idle
 * longest, so that nobody can keep others out with idle connections. If all of them have requests in progress or
 * are viewers, the new one is refused. `onLimited` is called in both cases.
 */
export function boundConnections(
  server: Server,
  max: number,
  onLimited: () => void,
): ReadonlySet<Socket> {
  /** Idle connections by their addresses: over TLS a request has another socket. */
  const waiting = new Map<string, Socket>()
  const open = limitConnections(server, max, () => {
    onLimited()
    const [first] = waiting.entries()
    if (first === undefined) {
      return false
    }
    waiting.delete(first[0])
    first[1].destroy()
    return true
  })
  server.on('connection', (socket: Socket) => {
    if (!open.has(socket)) {
      return
    }
    const key = keyOf(socket)
    waiting.set(key, socket)
    socket.once('close', () => {
      // Another connection may have this address by now.
      if (waiting.get(key) === socket) {
        waiting.delete(key)
      }
    })
  })
  server.on('request', (request, response) => {
    const key = keyOf(request.socket)
    const socket = waiting.get(key)
    waiting.delete(key)
    response.once('close', () => {
      if (socket !== undefined && !socket.destroyed) {
        waiting.set(key, socket)
      }
    })
  })
  server.prependListener('upgrade', ({ socket }) => waiting.delete(keyOf(socket)))
  return open
}

/**
 * Has the unsent answers of each connection counted, including those to pipelined requests, which wait outside the
 * socket.
 */
export function countAnswers(server: Server, unsent: Unsent): void {
  const answers = new WeakMap<Socket, Set<ServerResponse>>()
  server.on(server instanceof TlsServer ? 'secureConnection' : 'connection', (socket: Socket) => {
    const queued = new Set<ServerResponse>()
    answers.set(socket, queued)
    unsent.count(socket, () => {
      let bytes = 0
      for (const response of queued) {
        if (response.socket === null) {
          bytes += ANSWER_BYTES + response.writableLength
        } else if (response.writableEnded) {
          bytes += ANSWER_BYTES
        }
      }
      return bytes
    })
  })
  server.on('request', ({ socket }, response) => {
    const queued = answers.get(socket)
    queued?.add(response)
    response.once('close', () => queued?.delete(response))
  })
}

function keyOf({ remoteAddress, remotePort }: Pick<Socket, 'remoteAddress' | 'remotePort'>) {
  return `${remoteAddress}:${remotePort}`
}

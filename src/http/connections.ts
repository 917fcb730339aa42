import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Server as TlsServer } from 'node:tls'
import type { Unsent } from '../net/unsent.js'

/** What an answer takes up beside its bytes until it is taken. */
const ANSWER_BYTES = 8 * 1024

/**
 * Bounds the connections of an HTTP server. At the bound a new one takes the place of the one that has
 * waited longest without a request, so that nobody keeps others out by being there alone; where all have
 * requests under way, or are viewers, the new one is refused. `onLimited` is told of either.
 */
export function boundConnections(
  server: Server,
  max: number,
  onLimited: () => void,
): ReadonlySet<Socket> {
  const open = new Set<Socket>()
  /** Without a request under way, by their addresses: over TLS requests have another socket. */
  const waiting = new Map<string, Socket>()
  server.on('connection', (socket: Socket) => {
    const key = keyOf(socket)
    if (open.size >= max) {
      onLimited()
      const [first] = waiting.entries()
      if (first === undefined) {
        socket.destroy()
        return
      }
      waiting.delete(first[0])
      first[1].destroy()
    }
    open.add(socket)
    waiting.set(key, socket)
    socket.once('close', () => {
      open.delete(socket)
      // Another connection may have the address by now.
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
 * Has what waits on each connection counted: also requests that were sent ahead and their answers, which wait
 * outside the socket.
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

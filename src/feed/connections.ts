import type { Server } from 'node:http'
import type { Socket } from 'node:net'

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

function keyOf({ remoteAddress, remotePort }: Pick<Socket, 'remoteAddress' | 'remotePort'>) {
  return `${remoteAddress}:${remotePort}`
}

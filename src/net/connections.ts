import type { Server, Socket } from 'node:net'
import type { Writable } from 'node:stream'
import type { Caller } from '../core/operators/audit.js'
import type { Listening } from './listen.js'

/**
 * Limits the open connections of a server. Beyond `max`, a new one is refused unless `makeRoom` ends another. Node's own
 * limit counts the connections of one address of a server; this one counts all addresses together.
 */
export function limitConnections(
  server: Server,
  max: number,
  makeRoom: () => boolean,
): ReadonlySet<Socket> {
  const open = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    if (open.size >= max && !makeRoom()) {
      socket.destroy()
      return
    }
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  })
  return open
}

/**
 * The caller, who waits until a connection, or the answer on it, closes. The signal is created on first use, because most
 * calls need none.
 */
export function callerUntilClosed({ name, address }: Caller, stream: Writable): Caller {
  let controller: AbortController | undefined
  return {
    name,
    address,
    get signal() {
      if (controller === undefined) {
        const created = new AbortController()
        controller = created
        stream.once('close', () => created.abort())
        if (stream.destroyed) {
          created.abort()
        }
      }
      return controller.signal
    },
  }
}

/** Whether a call failed because its caller waits no more. */
export function hasGone(caller: Caller, error: unknown): boolean {
  const isAbort = (error as Partial<Error> | null)?.name === 'AbortError'
  return isAbort && error === caller.signal?.reason
}

/**
 * Accepts no more connections and waits until the open ones end. After `graceMs` it calls `cut`. Returns what `cut`
 * returned, or 0.
 */
export async function closeWithin(
  graceMs: number,
  listening: Listening,
  cut: () => number,
): Promise<number> {
  let wereCut = 0
  const timer = setTimeout(() => {
    wereCut = cut()
  }, graceMs)
  await listening.close()
  clearTimeout(timer)
  return wereCut
}

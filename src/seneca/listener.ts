import type { Server, Socket } from 'node:net'
import type { CallObserver } from '../core/calls.js'
import type { Caller } from '../core/operators/audit.js'
import { peerText } from '../net/address.js'
import type { Listening } from '../net/listen.js'
import type { Unsent } from '../net/unsent.js'

export interface SenecaListener {
  /** Every address it listens on, with its real port: `tcp://HOST:PORT` or `http://HOST:PORT`. */
  readonly addresses: readonly string[]
  /** The same as one text, separated by commas. */
  readonly address: string
  /**
   * Gives acts in progress `graceMs` to finish, then cuts their connections. Returns how many it cut. May be called
   * again with less time.
   */
  close(graceMs: number): Promise<number>
}

export interface SenecaHooks {
  /** Sees every act. */
  readonly observer: CallObserver
  /** Called when a connection is cut, or a request refused before it reaches an act. */
  readonly onRefused: (reason: string) => void
  /** Counts the unsent answers of all listeners. */
  readonly unsent: Unsent
  /** Called when the server fails to answer. */
  readonly onFailure: (error: unknown) => void
  /** Whether to accept requests that a proxy forwarded (default: no). */
  readonly allowsProxies?: boolean
}

/** The most connections of one listener. */
export const MAX_CONNECTIONS = 512
/** Nothing sent or received for so long, with an unfinished message or an unsent answer, ends a connection. */
export const STALL_TIMEOUT_MS = 30_000

/** Refuses connections beyond `max`, and has the unsent answers of the others counted. */
export function boundConnections(
  server: Server,
  max: number,
  { onRefused, unsent }: SenecaHooks,
): void {
  let open = 0
  // Node's own limit counts the connections of one address of a server. This one counts all addresses together.
  server.on('connection', (socket) => {
    if (open >= max) {
      onRefused(`there are ${max} connections, the most allowed`)
      socket.destroy()
      return
    }
    open++
    socket.once('close', () => open--)
    unsent.count(socket)
  })
}

/** The caller on a connection. Seneca has no place for a name. */
export function senecaCaller(socket: Socket): Caller {
  return { name: 'seneca', address: peerText(socket) }
}

/**
 * Accepts no more connections and waits until the open ones end. After `graceMs` it calls `cut`. Returns what `cut`
 * returned, or 0.
 */
export function closeWithin(
  graceMs: number,
  listening: Listening,
  cut: () => number,
): Promise<number> {
  return new Promise((resolve) => {
    let wereCut = 0
    const timer = setTimeout(() => {
      wereCut = cut()
    }, graceMs)
    listening.close().then(() => {
      clearTimeout(timer)
      resolve(wereCut)
    })
  })
}

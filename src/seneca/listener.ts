import type { ServerResponse } from 'node:http'
import type { Server, Socket } from 'node:net'
import type { CallObserver } from '../core/calls.js'
import type { Caller } from '../core/operators/audit.js'
import { peerText } from '../net/address.js'
import { callerUntilClosed, limitConnections } from '../net/connections.js'
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

/** Refuses connections beyond `max`, and has the unsent answers of the others counted. Returns the open ones. */
export function boundConnections(
  server: Server,
  max: number,
  { onRefused, unsent }: SenecaHooks,
): ReadonlySet<Socket> {
  const open = limitConnections(server, max, () => {
    onRefused(`there are ${max} connections, the most allowed`)
    return false
  })
  server.on('connection', (socket) => {
    if (open.has(socket)) {
      unsent.count(socket)
    }
  })
  return open
}

/** The caller on a connection, who waits until that, or the answer, closes. Seneca has no place for a name. */
export function senecaCaller(socket: Socket, answer: Socket | ServerResponse = socket): Caller {
  return callerUntilClosed({ name: 'seneca', address: peerText(socket) }, answer)
}

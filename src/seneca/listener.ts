import type { Server, Socket } from 'node:net'
import type { CallObserver } from '../core/calls.js'
import type { Caller } from '../core/operators/audit.js'
import { peerText } from '../net/address.js'
import type { Listening } from '../net/listen.js'
import type { Unsent } from '../net/unsent.js'

export interface SenecaListener {
  /** Where it really listens, `tcp://HOST:PORT` or `http://HOST:PORT`: each address that its host has. */
  readonly addresses: readonly string[]
  /** The same as one text, with commas between. */
  readonly address: string
  /**
   * Lets acts under way finish for `graceMs`, then cuts their connections. Returns how many those were.
   * Called again with less, it cuts sooner.
   */
  close(graceMs: number): Promise<number>
}

export interface SenecaHooks {
  /** Told of every act. */
  readonly observer: CallObserver
  /** Told why a connection was cut or a request refused before it came to an act. */
  readonly onRefused: (reason: string) => void
  /** Counts the answers that wait, of all listeners. */
  readonly unsent: Unsent
  /** Told of an answer that could not be given, for a reason of the server's alone. */
  readonly onFailure: (error: unknown) => void
  /** Whether requests that a proxy passed on are taken (default: no). */
  readonly allowsProxies?: boolean
}

/** Of one listener. */
export const MAX_CONNECTIONS = 512
/** How long nothing may move while a message is unfinished or an answer unsent. */
export const STALL_TIMEOUT_MS = 30_000

/** Refuses connections beyond the bound, and bounds what waits on those there are. */
export function boundConnections(
  server: Server,
  max: number,
  { onRefused, unsent }: SenecaHooks,
): void {
  let open = 0
  // Node's own bound counts what comes to one address of a server; this one counts all of them together.
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

/** Who acts on a connection: Seneca has no place for a name. */
export function senecaCaller(socket: Socket): Caller {
  return { name: 'seneca', address: peerText(socket) }
}

/**
 * Takes no more connections and waits for the end of those there are; after `graceMs` calls `cut`, and
 * returns what it returned.
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

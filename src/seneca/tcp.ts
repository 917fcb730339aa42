import { createServer } from 'node:net'
import { closeWithin } from '../net/connections.js'
import { listen } from '../net/listen.js'
import { actRunner } from './act.js'
import type { SessionCommands } from './commands.js'
import {
  boundConnections,
  MAX_CONNECTIONS,
  type SenecaHooks,
  type SenecaListener,
  STALL_TIMEOUT_MS,
} from './listener.js'
import { Connection, type TcpLimits } from './tcp-connection.js'
import { newListenerId } from './wire.js'

const LIMITS: TcpLimits = {
  maxInFlight: 64,
  maxUnsentBytes: 1024 * 1024,
  stallTimeoutMs: STALL_TIMEOUT_MS,
}

/** Serves Seneca's TCP wire: one JSON object per line, in both directions. Throws ListenError. */
export async function startSenecaTcp(
  host: string,
  port: number,
  commands: SessionCommands,
  hooks: SenecaHooks,
  limits: Partial<TcpLimits> = {},
): Promise<SenecaListener> {
  const settings = {
    ...LIMITS,
    ...limits,
    accept: newListenerId(),
    observer: hooks.observer,
    runAct: actRunner(commands, hooks.observer),
    onRefused: hooks.onRefused,
    onFailure: hooks.onFailure,
  }
  const connections = new Set<Connection>()
  // Half open: a peer that has ended its side still gets its answers.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const connection = new Connection(socket, settings)
    connections.add(connection)
    socket.on('close', () => connections.delete(connection))
  })
  boundConnections(server, MAX_CONNECTIONS, hooks)
  const listening = await listen(server, { host, port }, { option: '--seneca', scheme: 'tcp' })
  server.on('error', ({ message }) => hooks.onRefused(message))
  return {
    addresses: listening.addresses,
    address: listening.address,
    close(graceMs) {
      const closed = closeWithin(graceMs, listening, () => {
        const busy = [...connections].filter((connection) => connection.isBusy)
        for (const connection of connections) {
          connection.cut('the server stops')
        }
        return busy.length
      })
      for (const connection of connections) {
        connection.stop()
      }
      return closed
    },
  }
}

import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { actLine } from './seneca.js'

/** A caller of the sessions commands over Seneca's TCP wire. */
export interface ActClient {
  /** The result of an act of `role: 'sessions'`. Rejects with ActError, or where the connection ends first. */
  act(cmd: string, args: object): Promise<unknown>
  close(): void
}

/** What the server answered instead of a result. */
export class ActError extends Error {
  constructor(readonly code: string) {
    super(`the act was refused: ${code}`)
  }
}

/** Connects to `tcp://HOST:PORT`. */
export async function connectActs(address: string): Promise<ActClient> {
  const { hostname, port } = new URL(address)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  const waiting = new Map<
    string,
    { resolve: (result: unknown) => void; reject: (error: Error) => void }
  >()
  let lastId = 0
  const lines = createInterface(socket)
  lines.on('error', () => {}) // The socket's, told again.
  lines.on('line', (line) => {
    const { id, res, error } = JSON.parse(line)
    const asked = waiting.get(id)
    waiting.delete(id)
    if (error !== undefined) {
      asked?.reject(new ActError(error.code))
    } else {
      asked?.resolve(res)
    }
  })
  socket.on('error', () => {}) // 'close' follows.
  socket.on('close', () => {
    for (const { reject } of waiting.values()) {
      reject(new Error('the connection ended'))
    }
    waiting.clear()
  })
  return {
    act: (cmd, args) =>
      new Promise((resolve, reject) => {
        const id = `${++lastId}`
        if (socket.destroyed) {
          reject(new Error('the connection has ended'))
          return
        }
        waiting.set(id, { resolve, reject })
        socket.write(actLine({ role: 'sessions', cmd, ...args }, id))
      }),
    close: () => socket.destroy(),
  }
}

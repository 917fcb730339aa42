import { createServer, type Server, type Socket } from 'node:net'
import { listenLocally } from './listen.js'

/** What a scripted engine answers: raw bytes of its protocol, or null for silence. */
export type Answer = string | Buffer | null

/** Called for each command that it gets. */
export type Script = (command: readonly string[], peer: Peer) => Answer

export interface Peer {
  /** The number of the connection, from 1. */
  readonly connection: number
  readonly socket: Socket
}

export interface ScriptedEngine {
  readonly port: number
  readonly address: string
  /** Every command that it got, on any connection. */
  readonly commands: string[][]
  /** What it answers from now on. */
  script: Script
  /** Ends every connection, and takes no more. */
  kill(): void
}

/** An engine that acts a script, until the test ends. Names of commands are in capitals. */
export async function startScriptedEngine(script: Script): Promise<ScriptedEngine> {
  const commands: string[][] = []
  const sockets = new Set<Socket>()
  let connections = 0
  const server: Server = createServer((socket) => {
    const peer = { connection: ++connections, socket }
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    let received = ''
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      received += chunk
      for (;;) {
        const read = readCommand(received)
        if (read === undefined) {
          return
        }
        received = received.slice(read.end)
        const [name = '', ...args] = read.command
        const command = [name.toUpperCase(), ...args]
        commands.push(command)
        const answer = engine.script(command, peer)
        if (answer !== null) {
          socket.write(answer)
        }
      }
    })
  })
  const port = await listenLocally(server)
  const engine: ScriptedEngine = {
    port,
    address: `127.0.0.1:${port}`,
    commands,
    script,
    kill() {
      server.close()
      for (const socket of sockets) {
        socket.destroy()
      }
    },
  }
  return engine
}

/** Bytes of replies. */
export const reply = {
  ok: '+OK\r\n',
  pong: '+PONG\r\n',
  error: (message: string) => `-${message}\r\n`,
  number: (value: number) => `:${value}\r\n`,
  bulk: (text: string) => `$${Buffer.byteLength(text)}\r\n${text}\r\n`,
  array: (...items: string[]) => `*${items.length}\r\n${items.join('')}`,
  /** Of `CLUSTER SLOTS`, where each engine is the master of the slots in its range. */
  slots: (...ranges: readonly [first: number, last: number, port: number][]) =>
    reply.array(
      ...ranges.map(([first, last, port]) =>
        reply.array(
          reply.number(first),
          reply.number(last),
          reply.array(reply.bulk('127.0.0.1'), reply.number(port), reply.bulk('id')),
        ),
      ),
    ),
}

function readCommand(text: string): { command: string[]; end: number } | undefined {
  const head = /^\*(\d+)\r\n/.exec(text)
  if (head === null) {
    return undefined
  }
  const command: string[] = []
  let end = head[0].length
  for (let left = Number(head[1]); left > 0; left--) {
    const size = /^\$(\d+)\r\n/.exec(text.slice(end, end + 20))
    if (size === null) {
      return undefined
    }
    const start = end + size[0].length
    const length = Number(size[1])
    if (text.length < start + length + 2) {
      return undefined
    }
    command.push(text.slice(start, start + length))
    end = start + length + 2
  }
  return { command, end }
}

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Caller } from '../core/operators/audit.js'
import { ByteBudget } from '../net/byte-budget.js'
import { closeWithin } from '../net/connections.js'
import { listen } from '../net/listen.js'
import { isLoopback } from '../net/loopback.js'
import { heedEveryHeader, servedBy } from '../net/request.js'
import { actRunner, type Outcome, type RunAct, refusal } from './act.js'
import type { SessionCommands } from './commands.js'
import {
  type Admission,
  answerHeaders,
  checkRequest,
  messageIdOf,
  readAct,
} from './http-request.js'
import {
  boundConnections,
  type SenecaHooks,
  type SenecaListener,
  STALL_TIMEOUT_MS,
  senecaCaller,
} from './listener.js'
import { MAX_MESSAGE_BYTES, newListenerId } from './wire.js'

const HEADERS_TIMEOUT_MS = 10_000
/** How often Node looks for requests that take too long to arrive. */
const CHECK_INTERVAL_MS = 1_000

/** The limits of all connections together. */
export interface HttpLimits {
  /** Clients open a connection for each act. Beyond half of them, each new one closes the idle ones. */
  readonly maxConnections: number
  /** Bytes of bodies in memory, from their arrival to their answer. Further bytes wait unread. */
  readonly maxHeldBytes: number
}

const LIMITS: HttpLimits = { maxConnections: 2048, maxHeldBytes: 64 * MAX_MESSAGE_BYTES }

/** Serves Seneca's HTTP wire: `POST /act` with the act as its body. Throws ListenError. */
export async function startSenecaHttp(
  host: string,
  port: number,
  commands: SessionCommands,
  hooks: SenecaHooks,
  limits: Partial<HttpLimits> = {},
): Promise<SenecaListener> {
  const { maxConnections, maxHeldBytes } = { ...LIMITS, ...limits }
  const admission = { onLoopback: isLoopback(host), allowsProxies: hooks.allowsProxies ?? false }
  const runAct = actRunner(commands, hooks.observer)
  const requests = new Requests(runAct, hooks, admission, new ByteBudget(maxHeldBytes))
  const server = createServer(
    {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: STALL_TIMEOUT_MS,
      connectionsCheckingInterval: CHECK_INTERVAL_MS,
    },
    servedBy((request, response) => requests.serve(request, response), hooks.onFailure),
  )
  heedEveryHeader(server)
  const open = boundConnections(server, maxConnections, hooks)
  server.on('connection', () => {
    if (open.size > maxConnections / 2) {
      server.closeIdleConnections()
    }
  })
  server.setTimeout(STALL_TIMEOUT_MS)
  const listening = await listen(server, { host, port }, { option: '--seneca', scheme: 'http' })
  server.on('error', ({ message }) => hooks.onRefused(message))
  return {
    addresses: listening.addresses,
    address: listening.address,
    close(graceMs) {
      requests.isStopping = true
      const closed = closeWithin(graceMs, listening, () => {
        const underWay = requests.underWay
        server.closeAllConnections()
        return underWay
      })
      // Closing the server also ends connections between two requests. Those that have sent nothing would be waited for.
      for (const socket of open) {
        if (socket.bytesRead === 0) {
          socket.destroy()
        }
      }
      return closed
    },
  }
}

/** Answers requests, one at a time on each connection. */
class Requests {
  /** Whether each connection ends with its next answer. */
  isStopping = false
  private readonly accept = newListenerId()
  private readonly busy = new Set<Socket>()

  constructor(
    private readonly runAct: RunAct,
    private readonly hooks: SenecaHooks,
    private readonly admission: Admission,
    private readonly bodies: ByteBudget,
  ) {}

  get underWay(): number {
    return this.busy.size
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket } = request
    const { onRefused } = this.hooks
    if (this.busy.has(socket)) {
      // The answers to pipelined requests would be unbounded. No Seneca client sends any.
      if (!socket.destroyed) {
        onRefused('it sends requests before it has its answers')
        socket.destroy()
      }
      return
    }
    this.busy.add(socket)
    response.on('close', () => this.busy.delete(socket))
    const receivedAtMs = Date.now()
    let outcome: Outcome
    try {
      checkRequest(request, this.admission)
      outcome = await this.run(request, senecaCaller(socket, response))
    } catch (error) {
      outcome = refusal(error)
      onRefused(error instanceof Error ? error.message : 'internal error')
      response.shouldKeepAlive = false
    }
    if (this.isStopping) {
      response.shouldKeepAlive = false
    }
    const times = { receivedAtMs, sentAtMs: Date.now() }
    response.writeHead(outcome.status, answerHeaders(request, outcome, this.accept, times))
    response.end(outcome.json)
  }

  /** Bytes of a body count when they arrive. Announced ones do not. */
  private async run(request: IncomingMessage, caller: Caller): Promise<Outcome> {
    const share = this.bodies.share()
    try {
      const act = await readAct(request, (bytes) => this.bodies.take(share, bytes))
      return await this.runAct(act, caller, messageIdOf(request))
    } finally {
      this.bodies.free(share)
    }
  }
}

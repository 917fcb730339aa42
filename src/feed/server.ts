import { randomInt } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { WebSocketServer } from 'ws'
import type { Tls } from '../credentials/tls.js'
import { checkViewer, type FeedAccess, pathOf, queryOf, type Refusal } from '../http/access.js'
import { isCommandPath } from '../http/commandable.js'
import { boundConnections, countAnswers } from '../http/connections.js'
import { type AnswerOptions, answer, createHttpServer, LIST_PATH, refuse } from '../http/http.js'
import { oneByOne } from '../http/pipelined.js'
import { listen } from '../net/listen.js'
import { servedBy } from '../net/request.js'
import type { Unsent } from '../net/unsent.js'
import type { FeedHub } from './hub.js'
import { type FeedUsage, usageOf } from './usage.js'
import { VIEWER_LIMITS, Viewer, type ViewerLimits } from './viewer.js'

/** A client says no more than `connect`. */
const MAX_MESSAGE_BYTES = 4096
const PING_INTERVAL_MS = 30_000
const USAGE_INTERVAL_MS = 60_000
/** How long a connection that we end may take to end. */
const CLOSE_TIMEOUT_MS = 2_000
const HEADER_TIMEOUT_MS = 10_000
/** How often Node looks for requests that take too long to come. */
const CHECK_INTERVAL_MS = 1_000
const KEEP_ALIVE_MS = 30_000
const MAX_INT32 = 2 ** 31 - 1

export interface FeedLimits extends ViewerLimits {
  readonly maxViewers: number
  /** Connections beside those of viewers: pages, probes. */
  readonly otherConnections: number
}

const LIMITS: FeedLimits = { ...VIEWER_LIMITS, maxViewers: 2_000, otherConnections: 256 }

export interface FeedServerOptions extends AnswerOptions {
  readonly host: string
  /** 0 lets the system choose. */
  readonly port: number
  /** Default: null, plain HTTP. */
  readonly tls?: Tls | null
  /** What clients are told to be, as a version. */
  readonly expectedVersion: string
  /** Told at intervals, while there is something to tell. */
  readonly onUsage: (usage: FeedReport) => void
  readonly limits?: Partial<FeedLimits>
  /** For TLS, the headers and the rest of a request to arrive (default 10 s). */
  readonly headerTimeoutMs?: number
  /** Told when there are as many connections as may be and one more comes. */
  readonly onFull?: () => void
  /** Counts the answers that wait, of all listeners (default: nobody does). */
  readonly unsent?: Unsent
  /** Told of a request that failed for a reason of the server's alone. */
  readonly onFailure: (error: unknown) => void
  /** Calls `run` at intervals until what it returns is called. */
  readonly every?: (intervalMs: number, run: () => void) => () => void
}

/** Viewers now, and what was counted since the server started. */
export interface FeedReport extends FeedUsage {
  readonly malformed: number
  /** Connections that the server ended, by reason. */
  readonly dropped: Readonly<Record<string, number>>
  readonly refused: number
}

export interface FeedServer {
  /** Where it really listens, `http://HOST:PORT` or `https://HOST:PORT`; of several addresses with commas between. */
  readonly address: string
  report(): FeedReport
  /**
   * Says goodbye to the viewers, and ends within two seconds, or as soon as commands under way are answered;
   * within `graceMs` at the latest. Returns how many of these were cut. Called again with less, it cuts sooner.
   */
  close(graceMs?: number): Promise<number>
}

/** Serves the session list, the page that shows it, and probes. Throws ListenError. */
export async function startFeedServer(
  hub: FeedHub,
  options: FeedServerOptions,
): Promise<FeedServer> {
  const { access, expectedVersion, tls = null, every = everyInterval } = options
  const { headerTimeoutMs = HEADER_TIMEOUT_MS } = options
  const limits = { ...LIMITS, ...options.limits }
  const viewers = new Set<Viewer>()
  const counts = { malformed: 0, refused: 0, dropped: {} as Record<string, number> }
  // Random, so that after a restart of the server no client gets the id that it had before.
  let lastConnectionId = randomInt(MAX_INT32)

  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    clientTracking: false,
    closeTimeout: CLOSE_TIMEOUT_MS,
  } as ConstructorParameters<typeof WebSocketServer>[0])

  const serve = servedBy(
    (request, response, askedMs: number) => answer(request, response, options, askedMs),
    options.onFailure,
  )
  let commandsUnderWay = 0
  let onCommandsAnswered = () => {}
  const countCommand = (response: ServerResponse) => {
    commandsUnderWay++
    response.once('close', () => {
      commandsUnderWay--
      if (commandsUnderWay === 0) {
        onCommandsAnswered()
      }
    })
  }
  const server = createHttpServer(
    tls,
    {
      headersTimeout: headerTimeoutMs,
      requestTimeout: headerTimeoutMs,
      connectionsCheckingInterval: CHECK_INTERVAL_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
    },
    oneByOne(({ request, response, askedMs }) => {
      // Not sooner: of a response that still waits for its turn Node never emits `close` where its connection ends.
      if (options.commandable && isCommandPath(pathOf(request))) {
        countCommand(response)
      }
      serve(request, response, askedMs)
    }),
  )
  const maxConnections = limits.maxViewers + limits.otherConnections
  const connections = boundConnections(server, maxConnections, options.onFull ?? (() => {}))
  if (options.unsent) {
    countAnswers(server, options.unsent)
  }
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => {}) // 'close' follows.
    const refusal = checkUpgrade(request, access, viewers.size < limits.maxViewers)
    if (refusal !== null) {
      counts.refused++
      refuse(socket, refusal.status, refusal.reason)
      return
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      lastConnectionId = (lastConnectionId % MAX_INT32) + 1
      const viewer = new Viewer(webSocket, socket, hub, {
        connectionId: lastConnectionId,
        dialect: queryOf(request).get('dialect') === 'printed' ? 'printed' : 'commands',
        expectedVersion,
        limits,
        onMalformed: () => counts.malformed++,
        onDropped: (reason) => {
          counts.dropped[reason] = (counts.dropped[reason] ?? 0) + 1
        },
      })
      viewers.add(viewer)
      webSocket.on('close', () => viewers.delete(viewer))
    })
  })

  const report = (): FeedReport => {
    const clients = Array.from(viewers, ({ client }) => client)
    return { ...usageOf(clients, expectedVersion), ...counts, dropped: { ...counts.dropped } }
  }
  let lastReport = JSON.stringify(report())
  const listening = await listen(server, options, {
    option: '--http',
    scheme: tls === null ? 'http' : 'https',
  })
  server.on('error', options.onFailure)
  const stopPings = every(PING_INTERVAL_MS, () => {
    for (const viewer of viewers) {
      viewer.checkAlive()
    }
  })
  const stopReports = every(USAGE_INTERVAL_MS, () => {
    const current = report()
    const text = JSON.stringify(current)
    if (text !== lastReport) {
      lastReport = text
      options.onUsage(current)
    }
  })

  return {
    address: listening.address,
    report,
    close(graceMs = CLOSE_TIMEOUT_MS) {
      stopPings()
      stopReports()
      for (const viewer of viewers) {
        viewer.close()
      }
      return new Promise((resolve) => {
        let wereCut = 0
        const cut = () => {
          wereCut = commandsUnderWay
          for (const socket of connections) {
            socket.destroy()
          }
        }
        // Nobody else holds up the stop for so long as those who wait for what they asked.
        const cutOthers = () => {
          onCommandsAnswered = cut
          if (commandsUnderWay === 0) {
            cut()
          }
        }
        const timers = [
          setTimeout(cutOthers, Math.min(graceMs, CLOSE_TIMEOUT_MS)),
          setTimeout(cut, graceMs),
        ]
        listening.close().then(() => {
          timers.forEach(clearTimeout)
          resolve(wereCut)
        })
      })
    },
  }
}

function checkUpgrade(
  request: IncomingMessage,
  access: FeedAccess,
  hasRoom: boolean,
): Refusal | null {
  if (pathOf(request) !== LIST_PATH) {
    return { status: 404, reason: `there is nothing but ${LIST_PATH} to connect to` }
  }
  const refusal = checkViewer(request, access)
  if (refusal === null && !hasRoom) {
    return { status: 503, reason: 'as many viewers are connected as may be' }
  }
  return refusal
}

function everyInterval(intervalMs: number, run: () => void): () => void {
  const timer = setInterval(run, intervalMs)
  return () => clearInterval(timer)
}

import type { Server } from 'node:http'
import type { Tls } from '../credentials/tls.js'
import { type AnswerOptions, answer, isCall } from '../http/answer.js'
import { boundConnections, countAnswers } from '../http/connections.js'
import { oneByOne } from '../http/pipelined.js'
import { createHttpServer } from '../http/server.js'
import { UnderWay } from '../http/under-way.js'
import { backgroundInterval, type Every } from '../net/background-timers.js'
import { closeWithin } from '../net/connections.js'
import { listen } from '../net/listen.js'
import { servedBy } from '../net/request.js'
import type { Unsent } from '../net/unsent.js'
import type { FeedHub } from './hub.js'
import { VIEWER_LIMITS, type ViewerLimits } from './viewer.js'
import { type FeedReport, Viewers } from './viewers.js'

const PING_INTERVAL_MS = 30_000
const USAGE_INTERVAL_MS = 60_000
/** How long a peer may take to close a connection that the server ends. */
const CLOSE_TIMEOUT_MS = 2_000
/** How often Node looks for requests that take too long to arrive. */
const CHECK_INTERVAL_MS = 1_000
const KEEP_ALIVE_MS = 30_000

export interface FeedLimits extends ViewerLimits {
  readonly maxViewers: number
  /** Connections besides those of viewers: pages, probes. */
  readonly otherConnections: number
  /** Timeout for the TLS handshake, and for a request to arrive. */
  readonly headerTimeoutMs: number
}

const LIMITS: FeedLimits = {
  ...VIEWER_LIMITS,
  maxViewers: 2_000,
  otherConnections: 256,
  headerTimeoutMs: 10_000,
}

export interface FeedServerOptions extends AnswerOptions {
  readonly host: string
  /** 0: the system chooses. */
  readonly port: number
  /** Default: null, for plain HTTP. */
  readonly tls?: Tls | null
  /** The version that clients are told to have. */
  readonly expectedVersion: string
  /** Called at intervals if the usage has changed. */
  readonly onUsage: (usage: FeedReport) => void
  readonly limits?: Partial<FeedLimits>
  /** Called if a connection arrives beyond the limit. */
  readonly onFull?: () => void
  /** Counts the unsent answers of all listeners (default: nobody does). */
  readonly unsent?: Unsent
  /** Called if the server fails to answer a request. */
  readonly onFailure: (error: unknown) => void
  readonly every?: Every
}

export interface FeedServer {
  /** Every address it listens on, with its real port, separated by commas: `http://HOST:PORT` or `https://HOST:PORT`. */
  readonly address: string
  report(): FeedReport
  /**
   * Ends the viewers' connections, and closes within two seconds, or later when the calls in progress are answered,
   * but within `graceMs`. Returns how many calls it cut. May be called again with less time.
   */
  close(graceMs?: number): Promise<number>
}

/** Serves the HTTP port: the session list, its page, probes, metrics and calls. Throws ListenError. */
export async function startFeedServer(
  hub: FeedHub,
  options: FeedServerOptions,
): Promise<FeedServer> {
  const {
    access,
    prefix = '',
    expectedVersion,
    tls = null,
    onFull = () => {},
    every = backgroundInterval,
  } = options
  const limits = { ...LIMITS, ...options.limits }
  const viewers = new Viewers(hub, {
    access,
    prefix,
    expectedVersion,
    limits,
    closeTimeoutMs: CLOSE_TIMEOUT_MS,
  })
  const calls = new UnderWay()
  const server = answeringServer(options, limits, calls)
  const connections = boundConnections(server, limits.maxViewers + limits.otherConnections, onFull)
  if (options.unsent) {
    countAnswers(server, options.unsent)
  }
  server.on('upgrade', (request, socket, head) => viewers.upgrade(request, socket, head))
  const scheme = tls === null ? 'http' : 'https'
  const listening = await listen(server, options, { option: '--http', scheme })
  server.on('error', options.onFailure)
  const stopPings = every(PING_INTERVAL_MS, () => viewers.checkAlive())
  const stopReports = reportUsage(viewers, every, options.onUsage)
  return {
    address: listening.address,
    report: () => viewers.report(),
    close(graceMs = CLOSE_TIMEOUT_MS) {
      stopPings()
      stopReports()
      viewers.close()
      const cut = () => {
        const underWay = calls.size
        for (const socket of connections) {
          socket.destroy()
        }
        return underWay
      }
      // Viewers and idle connections have so long to end by themselves. Nobody but calls is waited for.
      const timer = setTimeout(() => calls.whenNone(cut), Math.min(graceMs, CLOSE_TIMEOUT_MS))
      return closeWithin(graceMs, listening, cut).finally(() => clearTimeout(timer))
    },
  }
}

function answeringServer(
  options: FeedServerOptions,
  { headerTimeoutMs }: FeedLimits,
  calls: UnderWay,
): Server {
  const { tls = null, onFailure } = options
  const serve = servedBy(
    (request, response, askedAtMs: number) => answer(request, response, options, askedAtMs),
    onFailure,
  )
  return createHttpServer(
    tls,
    {
      headersTimeout: headerTimeoutMs,
      requestTimeout: headerTimeoutMs,
      connectionsCheckingInterval: CHECK_INTERVAL_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
    },
    oneByOne(({ request, response, askedAtMs }) => {
      // Not earlier: if the connection ends, Node emits no `close` of a response that still waits for its turn.
      if (isCall(request, options)) {
        calls.add(response)
      }
      serve(request, response, askedAtMs)
    }),
  )
}

/** Reports the usage at intervals if it has changed. */
function reportUsage(
  viewers: Viewers,
  every: Every,
  onUsage: FeedServerOptions['onUsage'],
): () => void {
  let lastReport = JSON.stringify(viewers.report())
  return every(USAGE_INTERVAL_MS, () => {
    const report = viewers.report()
    const text = JSON.stringify(report)
    if (text !== lastReport) {
      lastReport = text
      onUsage(report)
    }
  })
}

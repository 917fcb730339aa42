import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Tls } from '../credentials/tls.js'
import { type AnswerOptions, answer, isCall } from '../http/answer.js'
import { boundConnections, countAnswers } from '../http/connections.js'
import { oneByOne } from '../http/pipelined.js'
import { createHttpServer } from '../http/server.js'
import { UnderWay } from '../http/under-way.js'
import { backgroundInterval, type Every } from '../net/background-timers.js'
import { type Listening, listen } from '../net/listen.js'
import { servedBy } from '../net/request.js'
import type { Unsent } from '../net/unsent.js'
import type { FeedHub } from './hub.js'
import { VIEWER_LIMITS, type ViewerLimits } from './viewer.js'
import { type FeedReport, Viewers } from './viewers.js'

const PING_INTERVAL_MS = 30_000
const USAGE_INTERVAL_MS = 60_000
/** How long a connection that we end may take to end. */
const CLOSE_TIMEOUT_MS = 2_000
const HEADER_TIMEOUT_MS = 10_000
/** How often Node looks for requests that take too long to come. */
const CHECK_INTERVAL_MS = 1_000
const KEEP_ALIVE_MS = 30_000

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
  readonly every?: Every
}

export interface FeedServer {
  /** Where it really listens, `http://HOST:PORT` or `https://HOST:PORT`; of several addresses with commas between. */
  readonly address: string
  report(): FeedReport
  /**
   * Says goodbye to the viewers, and ends within two seconds, or as soon as the calls under way are answered;
   * within `graceMs` at the latest. Returns how many of these were cut. Called again with less, it cuts sooner.
   */
  close(graceMs?: number): Promise<number>
}

/** Serves the session list, the page that shows it, and probes. Throws ListenError. */
export async function startFeedServer(
  hub: FeedHub,
  options: FeedServerOptions,
): Promise<FeedServer> {
  const {
    access,
    expectedVersion,
    tls = null,
    onFull = () => {},
    every = backgroundInterval,
  } = options
  const limits = { ...LIMITS, ...options.limits }
  const viewers = new Viewers(hub, {
    access,
    expectedVersion,
    limits,
    closeTimeoutMs: CLOSE_TIMEOUT_MS,
  })
  const calls = new UnderWay()
  const server = answeringServer(options, calls)
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
      return closeWithin(graceMs, listening, calls, connections)
    },
  }
}

function answeringServer(options: FeedServerOptions, calls: UnderWay): Server {
  const { tls = null, headerTimeoutMs = HEADER_TIMEOUT_MS, onFailure } = options
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
      // Not sooner: of a response that still waits for its turn Node never emits `close` where its connection ends.
      if (isCall(request, options)) {
        calls.add(response)
      }
      serve(request, response, askedAtMs)
    }),
  )
}

/** Tells of the usage at intervals, where it changed. */
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

/** Waits for the calls under way and for nobody else. Returns how many of them were cut. */
function closeWithin(
  graceMs: number,
  listening: Listening,
  calls: UnderWay,
  connections: ReadonlySet<Socket>,
): Promise<number> {
  return new Promise((resolve) => {
    let wereCut = 0
    const cut = () => {
      wereCut = calls.size
      for (const socket of connections) {
        socket.destroy()
      }
    }
    const timers = [
      // Viewers, and connections between two requests, have so long to end by themselves.
      setTimeout(() => calls.whenNone(cut), Math.min(graceMs, CLOSE_TIMEOUT_MS)),
      setTimeout(cut, graceMs),
    ]
    listening.close().then(() => {
      timers.forEach(clearTimeout)
      resolve(wereCut)
    })
  })
}

import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
} from 'node:http'
import type { Socket } from 'node:net'
import { MalformedError } from '../core/errors.js'
import { refuseForwarded } from '../core/operators/trust.js'
import { listen } from '../net/listen.js'
import { isLoopback } from '../net/loopback.js'
import { heedEveryHeader, servedBy } from '../net/request.js'
import { actRunner, type Outcome, refusal } from './act.js'
import { ByteBudget } from './byte-budget.js'
import type { SessionCommands } from './commands.js'
import { RefusedRequestError } from './errors.js'
import { isObject, readJson } from './json.js'
import {
  boundConnections,
  closeWithin,
  type SenecaHooks,
  type SenecaListener,
  STALL_TIMEOUT_MS,
  senecaCaller,
} from './listener.js'
import { MAX_MESSAGE_BYTES, newListenerId } from './wire.js'

const PATH = '/act'
const JSON_TYPE = /^application\/json\s*(?:;|$)/i
const HOST = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::\d{1,5})?$/
/** What clients of 0.6 connect to, and name, where they are told no host. No name of a page's is among them. */
const THIS_HOST: ReadonlySet<string> = new Set(['0.0.0.0', '::'])
const HEADERS_TIMEOUT_MS = 10_000

/** What all connections may take up together. */
export interface HttpLimits {
  /** Clients open one for each act. */
  readonly maxConnections: number
  /** Bodies that are read or acted upon, in bytes; others wait unread. */
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
  const bodies = new ByteBudget(maxHeldBytes)
  const runAct = actRunner(commands, hooks.observer)
  const accept = newListenerId()
  const onLoopback = isLoopback(host)
  const busy = new Set<Socket>()
  let isStopping = false

  async function answer(request: IncomingMessage): Promise<Outcome> {
    const bytes = bodyBytes(request)
    await bodies.take(bytes)
    try {
      const act = await readAct(request)
      return await runAct(act, senecaCaller(request.socket), messageId(request))
    } finally {
      bodies.give(bytes)
    }
  }

  const server = createServer(
    { headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: STALL_TIMEOUT_MS },
    servedBy(async (request, response) => {
      if (busy.has(request.socket)) {
        // Nothing would bound the answers to requests sent ahead; no Seneca client sends any.
        if (!request.socket.destroyed) {
          hooks.onRefused('it sends requests before it has its answers')
          request.socket.destroy()
        }
        return
      }
      busy.add(request.socket)
      response.on('close', () => busy.delete(request.socket))
      const receivedMs = Date.now()
      let outcome: Outcome
      try {
        checkRequest(request, onLoopback, hooks.allowsProxies ?? false)
        outcome = await answer(request)
      } catch (error) {
        outcome = refusal(error)
        hooks.onRefused(error instanceof Error ? error.message : 'internal error')
        response.shouldKeepAlive = false
      }
      if (isStopping) {
        response.shouldKeepAlive = false
      }
      response.writeHead(outcome.status, headers(request, outcome, accept, receivedMs))
      response.end(outcome.json)
    }, hooks.onFailure),
  )
  heedEveryHeader(server)
  boundConnections(server, maxConnections, hooks)
  letIdleGiveWay(server, maxConnections / 2)
  server.setTimeout(STALL_TIMEOUT_MS)
  const listening = await listen(server, { host, port }, { option: '--seneca', scheme: 'http' })
  server.on('error', ({ message }) => hooks.onRefused(message))
  return {
    addresses: listening.addresses,
    address: listening.address,
    // Closing also ends connections between two requests.
    close(graceMs) {
      isStopping = true
      return closeWithin(graceMs, listening, () => {
        const { size } = busy
        server.closeAllConnections()
        return size
      })
    },
  }
}

/** Beyond so many connections, those between two requests give way to one that has come. */
function letIdleGiveWay(server: Server, beyond: number): void {
  let connections = 0
  server.on('connection', (socket) => {
    connections++
    socket.on('close', () => connections--)
    if (connections > beyond) {
      server.closeIdleConnections()
    }
  })
}

/** Keeps web pages out, whatever site they are of, and proxies. Throws RefusedRequestError, ForwardedError. */
function checkRequest(
  { url, method, headers }: IncomingMessage,
  onLoopback: boolean,
  allowsProxies: boolean,
): void {
  if (url !== PATH) {
    throw new RefusedRequestError(404, `there is nothing but ${PATH} here`)
  }
  if (method !== 'POST') {
    throw new RefusedRequestError(405, `${PATH} takes POST alone`)
  }
  // A page whose name was made to point here (DNS rebinding) still sends that name.
  const [, address, name] = HOST.exec(headers.host ?? '') ?? []
  const host = (address ?? name ?? '').toLowerCase()
  if (onLoopback && !isLoopback(host) && !THIS_HOST.has(host)) {
    throw new RefusedRequestError(403, 'the Host header must name this machine: localhost')
  }
  if (headers.origin !== undefined) {
    throw new RefusedRequestError(403, 'requests of web pages, which have an Origin, are refused')
  }
  if (!allowsProxies) {
    refuseForwarded(
      Object.keys(headers),
      'let callers elsewhere run "sessiond bridge" on their own machine; "sessiond serve" with ' +
        '--insecure-commands yes lets whoever can connect do everything',
    )
  }
  if (!JSON_TYPE.test(headers['content-type'] ?? '')) {
    throw new RefusedRequestError(415, 'the Content-Type must be application/json')
  }
}

/** How long the body may be. Throws RefusedRequestError where it is too long. */
function bodyBytes({ headers }: IncomingMessage): number {
  const bytes = Number(headers['content-length'] ?? MAX_MESSAGE_BYTES)
  if (bytes > MAX_MESSAGE_BYTES) {
    throw tooLarge()
  }
  return bytes
}

function tooLarge(): RefusedRequestError {
  return new RefusedRequestError(413, `the body has more than ${MAX_MESSAGE_BYTES} bytes`)
}

/** Throws RefusedRequestError, MalformedError. Leaving the loop early ends the connection. */
async function readAct(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request) {
    length += chunk.length
    if (length > MAX_MESSAGE_BYTES) {
      throw tooLarge()
    }
    chunks.push(chunk)
  }
  const act = readJson(Buffer.concat(chunks))
  if (!isObject(act)) {
    throw new MalformedError('message', 'is not an act')
  }
  return act
}

function headers(
  request: IncomingMessage,
  { status, json }: Outcome,
  accept: string,
  receivedMs: number,
): OutgoingHttpHeaders {
  const sent = request.headers
  const echoed = {
    'seneca-id': sent['seneca-id'],
    'seneca-origin': sent['seneca-origin'],
    'seneca-track': trackHeader(sent['seneca-track']),
    'seneca-time-client-sent': sent['seneca-time-client-sent'],
  }
  return {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(json),
    'Cache-Control': 'private, max-age=0, no-cache, no-store',
    ...(status === 405 && { Allow: 'POST' }),
    ...Object.fromEntries(Object.entries(echoed).filter(([, value]) => value !== undefined)),
    'seneca-kind': 'res',
    'seneca-accept': accept,
    'seneca-time-listen-recv': receivedMs,
    'seneca-time-listen-sent': Date.now(),
  }
}

/** As clients send it. */
function messageId({ headers }: IncomingMessage): string | undefined {
  const id = headers['seneca-id']
  return typeof id === 'string' ? id : undefined
}

/** The track comes as a JSON array and goes back as a list with commas. */
function trackHeader(sent: string | string[] | undefined): string | undefined {
  const items = /^\["([\x20-\x7e]*)"\]$/.exec(typeof sent === 'string' ? sent : '')?.[1]
  return items?.split('","').join(',')
}

import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { StoreUnavailableError } from '../core/errors.js'
import { checkHost, checkOrigin, type FeedAccess, pathOf } from './access.js'
import { answerCommand, type CommandablePorts, isCommandPath } from './commandable.js'
import { answerOauth, isIntrospection, isOauthPath, type OauthPorts } from './oauth.js'
import { answerOperator, isOperatorPath, type OperatorPorts } from './operator/operator.js'
import type { PageFile } from './pages.js'
import { sayText as say } from './respond.js'
import { answerViewing, isViewingPath, type ViewingPorts } from './viewing.js'

export interface AnswerOptions {
  /** The path of the page and all that it asks for, without a slash at its end (default: the root). */
  readonly prefix?: string
  readonly access: FeedAccess
  /** The page's files, by path. */
  readonly pages: ReadonlyMap<string, PageFile>
  /** Whether the server can serve calls now. */
  readonly isReady: () => Promise<boolean>
  readonly viewing: ViewingPorts
  /** Absent: the server has no metrics. */
  readonly metrics?: MetricsPorts
  /** The page's operator mode. Absent: the server has no admin credential. */
  readonly operator?: OperatorPorts
  /** The sessions commands by name. Absent: they need a credential, and the server has none. */
  readonly commandable?: CommandablePorts
  /** Introspection, and the keys of JWTs. Absent: there is nothing of the kind. */
  readonly oauth?: OauthPorts
  /** What an operator should look at even if the server is ready, a line each (default: nothing). */
  readonly findings?: () => readonly string[]
}

/** What Prometheus scrapes. */
export interface MetricsPorts {
  /** Why a request may not read them; null: it may. */
  readonly refusal: (request: IncomingMessage) => string | null
  readonly contentType: string
  /** The metrics as of this instant of `performance.now`, or later. */
  readonly text: (askedAtMs: number) => Promise<Buffer>
}

/** Answers every request that is not an upgrade. */
export async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: AnswerOptions,
  askedAtMs = performance.now(),
): Promise<void> {
  const { isReady, findings = () => [], metrics, commandable, oauth } = options
  const path = pathOf(request)
  const inside = insideOf(path, options)
  if (oauth && isOauthPath(path)) {
    await answerOauth(request, response, oauth)
  } else if (commandable && isCommandPath(path)) {
    await answerCommand(request, response, commandable)
  } else if (request.method === 'POST' && options.operator && isOperatorPath(inside ?? '')) {
    const refusal = checkHost(request, options.access) ?? checkOrigin(request)
    if (refusal !== null) {
      say(response, refusal.status, refusal.reason)
    } else {
      await answerOperator(request, response, inside ?? '', options.operator)
    }
  } else if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD')
    say(response, 405, 'only GET is allowed here')
  } else if (path === '/healthz') {
    say(response, 200, 'alive')
  } else if (path === '/readyz') {
    const ready = await isReady()
    say(response, ready ? 200 : 503, [ready ? 'ready' : 'not ready', ...findings()].join('\n'))
  } else if (metrics && path === '/metrics') {
    await answerMetrics(request, response, metrics, askedAtMs)
  } else if (inside !== null && isViewingPath(inside)) {
    await answerViewing(request, response, inside, options.access, options.viewing)
  } else {
    answerPage(request, response, options)
  }
}

/** The path below the prefix; null if it is not below it. */
export function insideOf(path: string, { prefix = '' }: Pick<AnswerOptions, 'prefix'>) {
  return path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : null
}

function answerPage(
  request: IncomingMessage,
  response: ServerResponse,
  options: AnswerOptions,
): void {
  const { access, pages, prefix = '' } = options
  const path = pathOf(request)
  const inside = insideOf(path, options)
  const page = inside === null ? undefined : pages.get(inside)
  const refusal = checkHost(request, access)
  if (refusal !== null) {
    say(response, refusal.status, refusal.reason)
  } else if (page !== undefined) {
    const isKnown = request.headers['if-none-match']?.includes(page.etag) ?? false
    response.setHeader('ETag', page.etag)
    response.writeHead(isKnown ? 304 : 200, page.headers).end(isKnown ? undefined : page.body)
  } else if (prefix !== '' && (path === prefix || path === '/')) {
    response.setHeader('Location', `${prefix}/`)
    say(response, 308, `the page is at ${prefix}/`)
  } else {
    say(response, 404, 'there is no such page')
  }
}

/** Whether a request is a command's or an operator's call, or asks about a token. A stopping server waits for its answer. */
export function isCall(
  request: IncomingMessage,
  options: Pick<AnswerOptions, 'operator' | 'commandable' | 'prefix'>,
): boolean {
  const { operator, commandable } = options
  const path = pathOf(request)
  return (
    isIntrospection(request) ||
    (commandable !== undefined && isCommandPath(path)) ||
    (operator !== undefined && isOperatorPath(insideOf(path, options) ?? ''))
  )
}

async function answerMetrics(
  request: IncomingMessage,
  response: ServerResponse,
  { refusal, contentType, text }: MetricsPorts,
  askedAtMs: number,
): Promise<void> {
  const reason = refusal(request)
  if (reason !== null) {
    say(response, 403, reason)
    return
  }
  const metrics = await text(askedAtMs).catch((error: unknown) => {
    if (error instanceof StoreUnavailableError) {
      return null // As it is while the server stops.
    }
    throw error
  })
  if (metrics === null) {
    say(response, 503, 'the metrics cannot be read: the store is not available')
    return
  }
  response.writeHead(200, {
    'Content-Type': contentType,
    'Content-Length': metrics.length,
    'Cache-Control': 'no-store',
  })
  response.end(metrics)
}

/** Refuses an upgrade, for which Node gives a bare socket. */
export function refuse(socket: Duplex, status: number, reason: string): void {
  const body = `${reason}\n`
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'Connection: close',
      'Content-Type: text/plain; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(body)}`,
      ...(status === 401 ? ['WWW-Authenticate: Bearer'] : []),
      ...(status === 503 ? ['Retry-After: 10'] : []),
      '',
      body,
    ].join('\r\n'),
    // Do not wait for the peer to close its side.
    () => socket.destroy(),
  )
}

import type { IncomingMessage, ServerResponse } from 'node:http'
import { type CommandableSessions, SERVICE } from '../commandable/commands.js'
import { type Category, type Description, descriptionOf } from '../commandable/description.js'
import type { CallObserver } from '../core/calls.js'
import { SessiondError } from '../core/errors.js'
import type { Caller } from '../core/operators/audit.js'
import { peerText } from '../net/address.js'
import { callerUntilClosed, hasGone } from '../net/connections.js'
import { hasJsonType, readBody } from '../net/request.js'

const PREFIX = `/${SERVICE}/`
/** As large as an act over Seneca. */
const MAX_BODY_BYTES = 1024 * 1024

export interface CommandablePorts {
  readonly sessions: CommandableSessions
  /** Whether the request's Host header is acceptable. */
  readonly mayBeAsked: (request: IncomingMessage) => boolean
  /** The caller of a request. Throws CredentialError, ForwardedError. */
  readonly caller: (request: IncomingMessage) => Caller
  readonly observer: CallObserver
}

/** Whether a path belongs to a command. */
export function isCommandPath(path: string): boolean {
  return path.startsWith(PREFIX)
}

/**
 * Answers `POST /v1/sessions/COMMAND`. Request and answer are JSON; 204 means that the result is null
 * (docs/protocols/commandable.md).
 */
export async function answerCommand(
  request: IncomingMessage,
  response: ServerResponse,
  ports: CommandablePorts,
): Promise<void> {
  const { sessions, observer } = ports
  const [path = '', query] = (request.url ?? '').split('?', 2)
  const command = path.slice(PREFIX.length)
  const header = (name: string) => request.headers[name]?.toString()
  const correlationId = new URLSearchParams(query).get('correlation_id') || header('correlation_id')
  const running = observer.begin({
    transport: 'http',
    method: sessions.has(command) ? command : 'unknown',
    peer: peerText(request.socket),
    givenId: correlationId,
    header,
  })
  let waiting: Caller | undefined
  try {
    const result = await running.run(async () => {
      const caller = admit(request, ports)
      if (!sessions.has(command)) {
        throw refused('NotFound', 404, 'ResourceNotFound', `${path} does not exist`)
      }
      if (request.method !== 'POST') {
        response.setHeader('Allow', 'POST')
        throw refused('BadRequest', 405, 'MethodNotAllowed', `${request.method} is not allowed`)
      }
      waiting = callerUntilClosed(caller, response)
      return sessions.run(command, await readArguments(request), waiting)
    })
    const status = result === null ? 204 : 200
    send(response, status, result)
    running.end({ code: `${status}` })
  } catch (error) {
    if (error === request.errored || (waiting && hasGone(waiting, error))) {
      running.end({ code: '499' })
      return // Whoever asked is gone, in the middle of the request or before its answer.
    }
    const description = descriptionFor(error, running.requestId)
    const { code, status, message, category, details } = description
    const correlation = { correlation_id: correlationId ?? null }
    const body = { code, status, message, name: code, category, ...correlation, details }
    send(response, status, JSON.stringify(body))
    running.end({ code: `${status}`, error, isInternal: status === 500 })
  }
}

/** The request was refused before it reached a command. */
class RefusedRequestError extends SessiondError {
  readonly code = 'REQUEST_REFUSED'

  constructor(readonly description: Description) {
    super(description.message)
  }
}

function refused(category: Category, status: number, code: string, message: string) {
  return new RefusedRequestError({ category, code, status, message, details: {} })
}

/** The caller of a request. Refuses web pages of any site. Throws the error that refuses the request. */
function admit(request: IncomingMessage, { mayBeAsked, caller }: CommandablePorts): Caller {
  if (request.headers.origin !== undefined) {
    const message = 'requests of web pages, which have an Origin, are refused'
    throw refused('Unauthorized', 403, 'Forbidden', message)
  }
  // Under DNS rebinding, Host still names the attacker's site.
  if (!mayBeAsked(request)) {
    const message = 'the Host header must name this machine: localhost'
    throw refused('Unauthorized', 403, 'Forbidden', message)
  }
  return caller(request)
}

/** The request's body; empty if there is none. Throws RefusedRequestError. */
async function readArguments(request: IncomingMessage): Promise<Uint8Array> {
  const body = await readBody(request, MAX_BODY_BYTES)
  if (body === null) {
    const message = `the body has more than ${MAX_BODY_BYTES} bytes`
    throw refused('BadRequest', 413, 'PayloadTooLarge', message)
  }
  if (body.length > 0 && !hasJsonType(request)) {
    const message = 'the Content-Type must be application/json'
    throw refused('BadRequest', 415, 'UnsupportedMediaType', message)
  }
  return body
}

function descriptionFor(error: unknown, requestId: string): Description {
  return error instanceof RefusedRequestError
    ? error.description
    : (descriptionOf(error) ?? {
        ...{ category: 'Internal', code: 'INTERNAL', status: 500, message: 'internal error' },
        details: { request_id: requestId },
      })
}

/** `json`: null for an answer without a body. */
function send(response: ServerResponse, status: number, json: string | null): void {
  response.writeHead(status, {
    ...(json !== null && {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(json),
    }),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...(status === 401 && { 'WWW-Authenticate': 'Bearer' }),
    // The unread rest of the request would be read as the next one.
    ...(!response.req.complete && { Connection: 'close' }),
  })
  response.end(json ?? '')
}

import type { IncomingMessage, ServerResponse } from 'node:http'
import { closeUser } from '../core/commands/close-user.js'
import { isJsonObject } from '../core/commands/json-text.js'
import type { Sessions } from '../core/commands/sessions.js'
import { isCallerError, MalformedError, MissingFieldError, NotFoundError } from '../core/errors.js'
import type { Caller } from '../core/operators/audit.js'
import { ownerName } from '../core/owner-text.js'
import { HTTP_STATUSES } from '../net/http-statuses.js'
import { hasJsonType, readBody } from '../net/request.js'
import { pathOf } from './access.js'

const PREFIX = '/operator/'
/** A request has no more than an id. */
const MAX_BODY_BYTES = 4096

/** What the page's operator mode needs from the server. */
export interface OperatorPorts {
  readonly sessions: Pick<Sessions, 'get' | 'list' | 'close' | 'expiresAtMs'>
  /** The operator who sent a request. Throws CredentialError, ForwardedError. */
  readonly operator: (request: IncomingMessage) => Caller
  readonly onInternalError: (call: string, error: unknown) => void
}

/** One action: takes the fields of the request's body and returns the body of the answer. */
type Action = (ports: OperatorPorts, field: Field, caller: Caller) => Promise<object>
type Field = (name: string) => string

const ACTIONS: Readonly<Record<string, Action>> = {
  /** Checks the credential, and nothing else. */
  async check() {
    return {}
  },

  /** Shows whose session it is, before the operator closes it or all of that user's. */
  async look({ sessions }, field) {
    const id = field('session_id')
    const session = await sessions.get(id)
    if (session === null) {
      throw new NotFoundError(id)
    }
    const { userId, userName, token, ending } = session
    const { total } = await sessions.list({ userId, active: true, take: 0, total: true })
    return {
      user_id: userId,
      user_name: userName || (token && ownerName(token.owner)) || '',
      open_sessions: total,
      kind: token === null ? 'command' : 'token',
      expires_at_ms: sessions.expiresAtMs(session),
      ending,
    }
  },

  async close({ sessions }, field, caller) {
    const id = field('session_id')
    const outcome = await sessions.close(id, caller)
    if (outcome === null) {
      throw new NotFoundError(id)
    }
    return { closed: outcome.wasOpen ? 1 : 0 }
  },

  async 'close-user'({ sessions }, field, caller) {
    const closable = {
      list: sessions.list.bind(sessions),
      close: async (id: string) => (await sessions.close(id, caller))?.wasOpen ?? false,
    }
    return { closed: await closeUser(closable, field('user_id')) }
  },
}

/** Whether a path belongs to the operator mode. */
export function isOperatorPath(path: string): boolean {
  return path.startsWith(PREFIX)
}

/**
 * Answers `POST /operator/…`, the calls of the page's operator mode. Request and answer are JSON. `answer` has
 * checked Host and Origin. The Content-Type is checked as well, because browsers send client certificates by
 * themselves: a form of another site cannot send this type.
 */
export async function answerOperator(
  request: IncomingMessage,
  response: ServerResponse,
  ports: OperatorPorts,
): Promise<void> {
  const name = pathOf(request).slice(PREFIX.length)
  const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined
  try {
    const caller = ports.operator(request)
    if (action === undefined) {
      say(response, 404, {
        code: 'NOT_FOUND',
        message: `there is no action ${JSON.stringify(name)}`,
      })
      return
    }
    const body = await readFields(request)
    const field = (key: string) => {
      const value = Object.hasOwn(body, key) ? body[key] : undefined
      if (typeof value !== 'string' || value === '') {
        throw new MissingFieldError(key)
      }
      return value
    }
    say(response, 200, await action(ports, field, caller))
  } catch (error) {
    if (error === request.errored) {
      return // Whoever asked is gone, in the middle of the request.
    }
    const status = isCallerError(error) ? HTTP_STATUSES[error.code] : 500
    if (!isCallerError(error) || status === 500) {
      ports.onInternalError(`operator ${name}`, error)
      say(response, 500, { code: 'INTERNAL', message: 'internal error' })
    } else {
      say(response, status, { code: error.code, message: error.message })
    }
  }
}

async function readFields(request: IncomingMessage): Promise<Record<string, unknown>> {
  if (!hasJsonType(request)) {
    throw new MalformedError('Content-Type', 'must be application/json')
  }
  const bytes = await readBody(request, MAX_BODY_BYTES)
  if (bytes === null) {
    throw new MalformedError('body', `has more than ${MAX_BODY_BYTES} bytes`)
  }
  try {
    const body: unknown = JSON.parse(bytes.toString())
    if (isJsonObject(body)) {
      return body
    }
  } catch {
    // Refused below. The message must not repeat the body.
  }
  throw new MalformedError('body', 'is no JSON object')
}

function say(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...(status === 401 && { 'WWW-Authenticate': 'Bearer' }),
    // The unread rest of the request would be read as the next one.
    ...(status !== 200 && { Connection: 'close' }),
  })
  response.end(`${JSON.stringify(body)}\n`)
}

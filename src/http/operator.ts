import type { IncomingMessage, ServerResponse } from 'node:http'
import { closeUser } from '../core/commands/close-user.js'
import type { Sessions } from '../core/commands/sessions.js'
import { isCallerError, MalformedError, MissingFieldError, NotFoundError } from '../core/errors.js'
import type { Caller } from '../core/operators/audit.js'
import { HTTP_STATUSES } from '../net/http-statuses.js'
import { hasJsonType, readBody } from '../net/request.js'
import { pathOf } from './access.js'

const PREFIX = '/operator/'
/** A request says no more than an id. */
const MAX_BODY_BYTES = 4096

/** What the page's operator mode asks of the server. */
export interface OperatorPorts {
  readonly sessions: Pick<Sessions, 'get' | 'list' | 'close'>
  /** Who asks. Throws CredentialError, ForwardedError. */
  readonly operator: (request: IncomingMessage) => Caller
  readonly onInternalError: (call: string, error: unknown) => void
}

/** One action: takes the fields of the request's body, and returns those of the answer's. */
type Action = (ports: OperatorPorts, field: Field, caller: Caller) => Promise<object>
type Field = (name: string) => string

const ACTIONS: Readonly<Record<string, Action>> = {
  /** Whether the credential is one. */
  async check() {
    return {}
  },

  /** What a person should know before closing all sessions of a session's user. */
  async look({ sessions }, field) {
    const id = field('session_id')
    const session = await sessions.get(id)
    if (session === null) {
      throw new NotFoundError(id)
    }
    const { userId, userName } = session
    const { total } = await sessions.list({ userId, active: true, take: 0, total: true })
    return { user_id: userId, user_name: userName, open_sessions: total }
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

/** Whether the path is one of the operator mode's. */
export function isOperatorPath(path: string): boolean {
  return path.startsWith(PREFIX)
}

/**
 * Answers `POST /operator/…`, JSON both ways: the page's operator mode. The caller has checked Host and
 * Origin. A credential that browsers send by themselves, such as a client certificate, makes the
 * Content-Type part of the defence: no form of another site can send this one.
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
    if (typeof body === 'object' && body !== null) {
      return body as Record<string, unknown>
    }
  } catch {
    // Told below, without what was sent.
  }
  throw new MalformedError('body', 'is no JSON object')
}

function say(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...(status === 401 && { 'WWW-Authenticate': 'Bearer' }),
    // What was not read of the request is in the way of the next.
    ...(status !== 200 && { Connection: 'close' }),
  })
  response.end(`${JSON.stringify(body)}\n`)
}

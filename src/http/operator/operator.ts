import type { IncomingMessage, ServerResponse } from 'node:http'
import { isJsonObject } from '../../core/commands/json-text.js'
import { MalformedError } from '../../core/errors.js'
import type { Caller } from '../../core/operators/audit.js'
import { callerUntilClosed, hasGone } from '../../net/connections.js'
import { hasJsonType, readBody } from '../../net/request.js'
import { sayJson } from '../respond.js'
import { ACTIONS, type ActionPorts } from './actions.js'
import { Fields } from './fields.js'
import { refusalOf } from './refusal.js'

const PREFIX = '/operator/'
/** Of a hundred ids, however they are escaped. */
const MAX_BODY_BYTES = 64 * 1024

/** What the page's operator mode needs from the server. */
export interface OperatorPorts extends ActionPorts {
  /** The operator who sent a request. Throws CredentialError, ForwardedError. */
  readonly operator: (request: IncomingMessage) => Caller
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
  path: string,
  ports: OperatorPorts,
): Promise<void> {
  const name = path.slice(PREFIX.length)
  let waiting: Caller | undefined
  try {
    waiting = callerUntilClosed(ports.operator(request), response)
    const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined
    if (action === undefined) {
      const message = `there is no action ${JSON.stringify(name)}`
      say(response, 404, { code: 'NOT_FOUND', message })
      return
    }
    say(response, 200, await action(ports, await readFields(request), waiting))
  } catch (error) {
    if (error === request.errored || (waiting && hasGone(waiting, error))) {
      return // Whoever asked is gone, in the middle of the request or before its answer.
    }
    const { status, ...refusal } = refusalOf(error, (cause) =>
      ports.onInternalError(`operator ${name}`, cause),
    )
    say(response, status, refusal)
  }
}

async function readFields(request: IncomingMessage): Promise<Fields> {
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
      return new Fields(body)
    }
  } catch {
    // Refused below. The message must not repeat the body.
  }
  throw new MalformedError('body', 'is no JSON object')
}

function say(response: ServerResponse, status: number, body: object): void {
  sayJson(response, status, body, {
    ...(status === 401 && { 'WWW-Authenticate': 'Bearer' }),
    // The unread rest of the request would be read as the next one.
    ...(status !== 200 && { Connection: 'close' }),
  })
}

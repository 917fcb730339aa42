import type { IncomingMessage, ServerResponse } from 'node:http'
import type { CallObserver } from '../core/calls.js'
import { CredentialError, ForwardedError, isCallerError } from '../core/errors.js'
import { peerText } from '../net/address.js'
import { HTTP_STATUSES } from '../net/http-statuses.js'
import { readBody } from '../net/request.js'
import { pathOf } from './access.js'

const INTROSPECT = '/oauth2/introspect'
const JWKS = '/.well-known/jwks.json'
const METADATA = '/.well-known/oauth-authorization-server'
/** A JWT for eight audiences fits. */
const MAX_BODY_BYTES = 8192
const FORM_TYPE = /^application\/x-www-form-urlencoded\s*(?:;|$)/i
/** How long others may keep the keys: an announced identity is known long before it signs. */
const KEYS_MAX_AGE_SECONDS = 300

export interface OauthPorts {
  /** Checks who asks. Throws CredentialError, ForwardedError. */
  readonly admit: (request: IncomingMessage) => void
  /** What RFC 7662 section 2.2 answers of a token. */
  readonly introspect: (token: string) => Promise<object>
  /** The keys that verify JWTs (RFC 7517 section 5). */
  readonly jwks: () => Promise<object>
  readonly issuer: () => Promise<string>
  readonly observer: CallObserver
}

/** Whether a path is one of OAuth's. */
export function isOauthPath(path: string): boolean {
  return path === INTROSPECT || path === JWKS || path === METADATA
}

/** Whether a request asks about a token. A stopping server waits for its answer. */
export function isIntrospection(request: IncomingMessage): boolean {
  return pathOf(request) === INTROSPECT
}

/**
 * Answers what OAuth's tools ask: introspection (RFC 7662), the keys of JWTs, and where both are (RFC 8414). The last two
 * are open to everyone.
 */
export async function answerOauth(
  request: IncomingMessage,
  response: ServerResponse,
  ports: OauthPorts,
): Promise<void> {
  const path = pathOf(request)
  if (path === INTROSPECT) {
    await answerIntrospection(request, response, ports)
  } else if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD')
    send(response, 405, { error: 'invalid_request' })
  } else {
    const body = path === JWKS ? await ports.jwks() : metadata(await ports.issuer())
    send(response, 200, body, `public, max-age=${KEYS_MAX_AGE_SECONDS}`)
  }
}

/** What of RFC 8414 section 2 there is. */
function metadata(issuer: string): object {
  return {
    issuer,
    jwks_uri: `${issuer}${JWKS}`,
    introspection_endpoint: `${issuer}${INTROSPECT}`,
    introspection_endpoint_auth_methods_supported: ['Bearer'],
    // There is no authorization endpoint, but the list is required.
    response_types_supported: [],
  }
}

async function answerIntrospection(
  request: IncomingMessage,
  response: ServerResponse,
  { admit, introspect, observer }: OauthPorts,
): Promise<void> {
  const running = observer.begin({
    transport: 'http',
    method: 'introspect',
    peer: peerText(request.socket),
    givenId: request.headers['x-request-id']?.toString(),
    header: (name) => request.headers[name]?.toString(),
  })
  try {
    const [status, body] = await running.run(async () => {
      admit(request)
      if (request.method !== 'POST') {
        response.setHeader('Allow', 'POST')
        return [405, { error: 'invalid_request' }] as const
      }
      const token = await readToken(request)
      return token === null
        ? ([400, { error: 'invalid_request' }] as const)
        : ([200, await introspect(token)] as const)
    })
    send(response, status, body)
    running.end({ code: `${status}` })
  } catch (error) {
    if (error === request.errored) {
      running.end({ code: '499' })
      return // Whoever asked is gone, in the middle of the request.
    }
    const isInternal = !isCallerError(error) || HTTP_STATUSES[error.code] === 500
    const status = isInternal ? 500 : HTTP_STATUSES[error.code]
    send(response, status, { error: errorOf(error) })
    running.end({ code: `${status}`, error, isInternal })
  }
}

/** By RFC 6749 section 5.2 and RFC 6750 section 3.1. */
function errorOf(error: unknown): string {
  if (error instanceof CredentialError) {
    return 'invalid_client'
  }
  return error instanceof ForwardedError ? 'access_denied' : 'server_error'
}

/** The parameter `token` of the form; null where the request is no such form, or has it twice. */
async function readToken(request: IncomingMessage): Promise<string | null> {
  if (!FORM_TYPE.test(request.headers['content-type'] ?? '')) {
    return null
  }
  const body = await readBody(request, MAX_BODY_BYTES)
  const [token, ...more] = new URLSearchParams(body?.toString() ?? '').getAll('token')
  return token && more.length === 0 ? token : null
}

function send(response: ServerResponse, status: number, body: object, caching = 'no-store'): void {
  const text = JSON.stringify(body)
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': caching,
    'X-Content-Type-Options': 'nosniff',
    ...(status === 401 && { 'WWW-Authenticate': 'Bearer' }),
    // The unread rest of the request would be read as the next one.
    ...(!response.req.complete && { Connection: 'close' }),
  })
  response.end(response.req.method === 'HEAD' ? undefined : text)
}

import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { isJsonObject } from '../core/commands/json-text.js'
import { MalformedError } from '../core/errors.js'
import { refuseForwarded } from '../core/operators/trust.js'
import { isLoopback } from '../net/loopback.js'
import { hasJsonType, hostOf, readBody } from '../net/request.js'
import type { Outcome } from './act.js'
import { RefusedRequestError } from './errors.js'
import { readJson } from './json.js'
import { type ListenTimes, MAX_MESSAGE_BYTES } from './wire.js'

const PATH = '/act'
/** Clients of 0.6 without a configured host connect to these and name them. No web page has such a name. */
const THIS_HOST: ReadonlySet<string> = new Set(['0.0.0.0', '::'])

/** Which requests a listener accepts. */
export interface Admission {
  /** Whether it is bound to loopback. If so, the Host header must name this machine. */
  readonly onLoopback: boolean
  /** Whether it accepts requests that a proxy forwarded. */
  readonly allowsProxies: boolean
}

/** Refuses web pages of any site, and proxies. Throws RefusedRequestError, ForwardedError. */
export function checkRequest(request: IncomingMessage, admission: Admission): void {
  const { url, method, headers } = request
  if (url !== PATH) {
    throw new RefusedRequestError(404, `there is nothing but ${PATH} here`)
  }
  if (method !== 'POST') {
    throw new RefusedRequestError(405, `${PATH} takes POST alone`)
  }
  const host = hostOf(request)
  if (admission.onLoopback && !isLoopback(host) && !THIS_HOST.has(host)) {
    throw new RefusedRequestError(403, 'the Host header must name this machine: localhost')
  }
  if (headers.origin !== undefined) {
    throw new RefusedRequestError(403, 'requests of web pages, which have an Origin, are refused')
  }
  if (!admission.allowsProxies) {
    refuseForwarded(
      Object.keys(headers),
      'let callers elsewhere run "sessiond bridge" on their own machine; "sessiond serve" with ' +
        '--insecure-commands yes lets whoever can connect do everything',
    )
  }
  if (!hasJsonType(request)) {
    throw new RefusedRequestError(415, 'the Content-Type must be application/json')
  }
}

/** Reads the act from a request's body. `hold`: see `readBody`. Throws RefusedRequestError, MalformedError. */
export async function readAct(
  request: IncomingMessage,
  hold: (bytes: number) => Promise<void>,
): Promise<Readonly<Record<string, unknown>>> {
  const body = await readBody(request, MAX_MESSAGE_BYTES, hold)
  if (body === null) {
    throw new RefusedRequestError(413, `the body has more than ${MAX_MESSAGE_BYTES} bytes`)
  }
  const act = readJson(body)
  if (!isJsonObject(act)) {
    throw new MalformedError('message', 'is not an act')
  }
  return act
}

/** The client's id for its message. */
export function messageIdOf({ headers }: IncomingMessage): string | undefined {
  const id = headers['seneca-id']
  return typeof id === 'string' ? id : undefined
}

/** The headers of an answer. It repeats only those of Seneca's headers that the request had. */
export function answerHeaders(
  { headers: sent }: IncomingMessage,
  { status, json }: Outcome,
  accept: string,
  times: ListenTimes,
): OutgoingHttpHeaders {
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
    'seneca-time-listen-recv': times.receivedAtMs,
    'seneca-time-listen-sent': times.sentAtMs,
  }
}

/** The track arrives as a JSON array and leaves as a comma-separated list. */
function trackHeader(sent: string | string[] | undefined): string | undefined {
  const items = /^\["([\x20-\x7e]*)"\]$/.exec(typeof sent === 'string' ? sent : '')?.[1]
  return items?.split('","').join(',')
}

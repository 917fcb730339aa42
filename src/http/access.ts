import type { IncomingMessage } from 'node:http'
import { TLSSocket } from 'node:tls'
import { type ForwardedError, SessiondError } from '../core/errors.js'
import type { Caller } from '../core/operators/audit.js'
import { bearerToken } from '../core/operators/credential.js'
import { type AdmitOperator, refuseForwarded } from '../core/operators/trust.js'
import { peerText } from '../net/address.js'
import { certificateProblem, provenCertificate } from '../net/peer-certificate.js'
import { namesThisMachine } from '../net/request.js'

/** Who may watch the session list. */
export interface FeedAccess {
  /** The token that viewers must show. */
  readonly token?: { matches(given: string): boolean }
  /** Whether anyone who can connect may watch. */
  readonly isPublic: boolean
  /** Of pages elsewhere that may watch too, as browsers send them (default: none). */
  readonly origins?: readonly string[]
}

/** Why a request is refused, with the HTTP status. */
export interface Refusal {
  readonly status: 401 | 403 | 404 | 503
  readonly reason: string
}

/** A list that is not public and has no token is for this machine only, and not for a proxy on it. */
export function checkHost(request: IncomingMessage, access: FeedAccess): Refusal | null {
  if (access.isPublic || access.token !== undefined) {
    return null
  }
  if (!namesThisMachine(request)) {
    return { status: 403, reason: 'the Host header must name this machine: localhost' }
  }
  try {
    refuseForwarded(
      Object.keys(request.headers),
      'let viewers show a token with --feed-token FILE, or let anyone watch with --feed-public yes',
    )
    return null
  } catch (error) {
    return { status: 403, reason: (error as ForwardedError).message }
  }
}

/**
 * Refuses web pages of other hosts, and pages loaded without TLS if this request has TLS. A client that is not a page
 * sends no Origin.
 */
export function checkOrigin({ headers, socket }: IncomingMessage): Refusal | null {
  const { origin, host = '' } = headers
  if (origin === undefined) {
    return null
  }
  if (isSameHost(origin, host) && !(socket instanceof TLSSocket && /^http:/i.test(origin))) {
    return null
  }
  return { status: 403, reason: 'the Origin must be of the same host' }
}

/** The token arrives as `Authorization: Bearer`, or as `?token=` from clients that cannot set headers. */
function checkToken(request: IncomingMessage, { token }: FeedAccess): Refusal | null {
  // An unencoded "+" means a space, which no token has.
  const inAddress = queryOf(request).get('token')?.replaceAll(' ', '+')
  const given = bearerToken(request.headers.authorization) ?? inAddress
  if (token === undefined || (given !== undefined && token.matches(given))) {
    return null
  }
  return { status: 401, reason: 'the token of --feed-token is needed' }
}

/** Whether the request may watch the list; null: it may. */
export function checkViewer(request: IncomingMessage, access: FeedAccess): Refusal | null {
  return checkReader(request, access) ?? checkToken(request, access)
}

/** The same, for what no token is needed for. */
export function checkReader(request: IncomingMessage, access: FeedAccess): Refusal | null {
  return (
    checkHost(request, access) ??
    (listedOrigin(request, access) === undefined ? checkOrigin(request) : null)
  )
}

/** The Origin of a page elsewhere that may watch; undefined for others. */
export function listedOrigin({ headers }: IncomingMessage, { origins }: FeedAccess) {
  return origins?.find((origin) => origin === headers.origin)
}

/**
 * The operator who sent a request. Browsers send a client certificate by themselves, so every call that changes
 * something must check the Origin as well. Throws CredentialError, ForwardedError.
 */
export function operatorOf({ headers, socket }: IncomingMessage, admit: AdmitOperator): Caller {
  const proof = admit({
    authorization: headers.authorization,
    certificate: provenCertificate(socket),
    certificateProblem: certificateProblem(socket),
    headerNames: () => Object.keys(headers),
  })
  return { name: proof ?? 'HTTP on loopback', address: peerText(socket) }
}

/**
 * Why a request may not read the metrics; null: it may. `admit`: null where the listener has nothing for operators.
 * `advice`: how a credential is configured.
 */
export function metricsRefusal(
  request: IncomingMessage,
  admit: AdmitOperator | null,
  hasCredential: boolean,
  advice: string,
): string | null {
  if (admit === null) {
    return `metrics are for operators: ${advice}`
  }
  if (!hasCredential && !namesThisMachine(request)) {
    return 'metrics are for this machine, under the name localhost'
  }
  try {
    operatorOf(request, admit)
    return null
  } catch (error) {
    if (error instanceof SessiondError) {
      return error.message
    }
    throw error
  }
}

export function pathOf({ url = '' }: IncomingMessage): string {
  return url.split('?', 1)[0] ?? ''
}

export function queryOf({ url = '' }: IncomingMessage): URLSearchParams {
  const start = url.indexOf('?')
  return new URLSearchParams(start < 0 ? '' : url.slice(start))
}

/** The default port of a scheme may be written or left out. */
function isSameHost(origin: string, host: string): boolean {
  try {
    const { protocol, host: originHost } = new URL(origin)
    return originHost !== '' && originHost === new URL(`${protocol}//${host}`).host
  } catch {
    return false // `null`, or no URL at all.
  }
}

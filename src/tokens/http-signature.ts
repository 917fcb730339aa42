import { sha256 } from '@noble/hashes/sha2.js'
import { base64urlnopad, hex } from '@scure/base'
import { type InnerList, serializeDictionary, serializeInnerList } from 'structured-headers'
import { P256_KEY_BYTES } from '../core/key-lengths.js'
import type { TokenSigner } from './issue.js'
import { tokenToText } from './token.js'

// HTTP Message Signatures (RFC 9421) by a session's key, over requests alone.

/** What the signature of every request covers. A request with a body: also `content-digest`. */
export const COVERED = ['@method', '@authority', '@path', '@query', 'authorization'] as const
/** The `tag` of such a signature, so that others may stand beside it. */
export const SIGNATURE_TAG = 'sessiond'
const LABEL = 'sessiond'
const NONCE_BYTES = 16

/** The parameters of a signature, as `structured-headers` has them: no type of that, which programs need not have. */
export type SignatureParams = ReadonlyMap<string, unknown>

/** What a signature may cover of a request. */
export interface HttpParts {
  readonly method: string
  /** Host, and the port if it is not the default one, in lower case. */
  readonly authority: string
  /** Path and query, as they are sent. */
  readonly target: string
  /** The values of a header, given in lower case, in their order. */
  readonly header: (name: string) => readonly string[]
}

/** A request to sign. */
export interface HttpRequestToSign {
  /** In upper case. Default: GET. */
  readonly method?: string
  readonly url: string | URL
  /** The body as it will be sent; a text goes as UTF-8. Default: none. */
  readonly body?: Uint8Array | string | undefined
}

/** Headers to add to a request. */
export interface SignedHeaders {
  readonly authorization: string
  /** Of a request with a body. */
  readonly 'content-digest'?: string
  readonly 'signature-input': string
  readonly signature: string
}

/**
 * Signs an HTTP request with a session's key (RFC 9421), for a service that runs a guard: the headers to add carry the token
 * and prove that the sender has the session key. Sign each request anew, also one that is sent again: a guard accepts a
 * signature once. Works in browsers too, with WebCrypto keys that cannot be exported.
 *
 * @example
 * ```ts
 * import { signHttpRequest, type TokenSigner } from 'sessiond/token'
 *
 * export async function put(url: string, body: string, token: Uint8Array, sessionKey: TokenSigner) {
 *   const headers = await signHttpRequest({ method: 'PUT', url, body }, token, sessionKey)
 *   return fetch(url, { method: 'PUT', body, headers: { ...headers } })
 * }
 * ```
 */
export async function signHttpRequest(
  { method = 'GET', url, body }: HttpRequestToSign,
  token: Uint8Array,
  sessionKey: TokenSigner,
  nowMs = Date.now(),
): Promise<SignedHeaders> {
  const { host, pathname, search } = new URL(url)
  const headers = {
    authorization: `Bearer ${tokenToText(token)}`,
    ...(body !== undefined && { 'content-digest': contentDigest(body) }),
  }
  const parts: HttpParts = {
    ...{ method, authority: host, target: pathname + search },
    header: (name) => [headers[name as keyof typeof headers] ?? ''],
  }
  const { publicKey } = sessionKey
  const covered = [...COVERED, ...(body === undefined ? [] : ['content-digest'])]
  const params = new Map<string, string | number>([
    ['created', Math.floor(nowMs / 1000)],
    ['nonce', newNonce()],
    ['keyid', hex.encode(publicKey)],
    ['alg', algorithmOf(publicKey)],
    ['tag', SIGNATURE_TAG],
  ])
  const signature = await sessionKey.sign(signatureBase(covered, params, parts))
  const input = innerList(covered, params)
  return {
    ...headers,
    'signature-input': serializeDictionary(new Map([[LABEL, input]])),
    signature: serializeDictionary(new Map([[LABEL, [new Uint8Array(signature), new Map()]]])),
  }
}

/** For one signature alone. */
export function newNonce(): string {
  return base64urlnopad.encode(crypto.getRandomValues(new Uint8Array(NONCE_BYTES)))
}

/** The `alg` of a key (RFC 9421 section 3.3). */
export function algorithmOf(publicKey: Uint8Array): string {
  return publicKey.length === P256_KEY_BYTES ? 'ecdsa-p256-sha256' : 'ed25519'
}

/** The header `Content-Digest` of a body (RFC 9530). */
export function contentDigest(body: Uint8Array | string): string {
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body
  return serializeDictionary(new Map([['sha-256', [sha256(bytes), new Map()]]]))
}

/** What is signed (RFC 9421 section 2.5). */
export function signatureBase(
  covered: readonly string[],
  params: SignatureParams,
  parts: HttpParts,
): Uint8Array {
  const lines = covered.map((name) => `"${name}": ${componentValue(name, parts)}`)
  lines.push(`"@signature-params": ${serializeInnerList(innerList(covered, params))}`)
  return new TextEncoder().encode(lines.join('\n'))
}

function innerList(covered: readonly string[], params: SignatureParams): InnerList {
  return [covered.map((name) => [name, new Map()]), params as InnerList[1]]
}

function componentValue(name: string, { method, authority, target, header }: HttpParts): string {
  const queryAt = target.indexOf('?')
  switch (name) {
    case '@method':
      return method
    case '@authority':
      return authority
    case '@path':
      return (queryAt < 0 ? target : target.slice(0, queryAt)) || '/'
    case '@query':
      return queryAt < 0 ? '?' : target.slice(queryAt)
    default:
      return header(name)
        .map((value) => value.trim())
        .join(', ')
  }
}

import { messages } from '#generated/fields'
import { InvalidFieldError, VersionError } from '../core/errors.js'
import { headerPath, type ReadMessage } from './message.js'
import type { WalkedMessage } from './walked-message.js'

const MAX_QUOTED_CHARS = 100

/** The major version of the protocol that is spoken here. */
const PROTOCOL_MAJOR = 2
/** The version that is written. */
export const VERSION = { major: PROTOCOL_MAJOR, minor: 0 } as const

/** What is read from a request's meta headers. */
export interface RequestMeta {
  /** The epoch of the last node that sent it; 0 if that node does not know. */
  readonly epoch: bigint
  /** How many nodes the request may still pass, at least 1. */
  readonly ttl: number
  /** The original sender's x-header `idempotency-key`, UTF-8 of any length. undefined: there is none. */
  readonly idempotencyKey: string | undefined
  /** The original sender's x-header `client`, UTF-8 of any length. undefined: there is none. */
  readonly client: string | undefined
  /** The path of these two x-headers, for errors: such as `meta_header.origin.x_headers`. */
  readonly xHeadersPath: string
}

/** What a client reads from a response's meta headers. */
export interface ResponseMeta {
  /** The server's epoch. */
  readonly epoch: bigint
  /** The server's x-header `request`: the `requestDigest` of the request that it answers. undefined: there is none. */
  readonly answers: string | undefined
}

const { major } = messages['service.Version']
const { key, value } = messages['service.XHeader']

/** Throws VersionError and InvalidFieldError. */
export function readRequestMeta(read: ReadMessage): RequestMeta {
  const { epoch, ttl, xHeader } = readHeaders(read)
  return {
    epoch,
    ttl,
    idempotencyKey: xHeader('idempotency-key'),
    client: xHeader('client'),
    xHeadersPath: `${headerPath('meta_header', read.metas.length, 0)}.x_headers`,
  }
}

/** Throws as `readRequestMeta` does. */
export function readResponseMeta(read: ReadMessage): ResponseMeta {
  const { epoch, xHeader } = readHeaders(read)
  return { epoch, answers: xHeader('request') }
}

/** An x-header of the original sender, in lower case. undefined: there is none. Only of headers that were read before. */
export function senderXHeader({ message, metas }: ReadMessage, name: string): string | undefined {
  const { x_headers } = message.shape.metaHeader.named
  return metas[0]
    ?.messages(x_headers.number)
    .find((xHeader) => xHeader.text(key.number).toLowerCase() === name)
    ?.text(value.number)
}

/** Checks the header of every level, the outermost first. Returns its epoch and ttl, and the innermost x-headers. */
function readHeaders({ message, metas }: ReadMessage) {
  const { version, epoch, ttl, x_headers } = message.shape.metaHeader.named
  // A header has a ttl, so that it is not empty: an origin signature is one over no bytes, and would fit an empty one.
  let leastTtl = 1
  let xHeaders = NO_X_HEADERS
  for (let i = metas.length - 1; i >= 0; i--) {
    const meta = metas[i] as WalkedMessage
    const path = (field: string) => `${headerPath('meta_header', metas.length, i)}.${field}`
    checkVersion(meta.message(version.number), path)
    xHeaders = readXHeaders(meta.messages(x_headers.number), path)
    const found = meta.uint32(ttl.number)
    if (found < leastTtl) {
      throw new InvalidFieldError(path('ttl'), `is ${found}; it must be ${leastTtl} or more`)
    }
    leastTtl = found + 1
  }
  const outermost = metas.at(-1) as WalkedMessage
  return {
    epoch: outermost.uint64(epoch.number),
    ttl: outermost.uint32(ttl.number),
    xHeader: (name: string) => xHeaders.get(name)?.text(value.number),
  }
}

function checkVersion(version: WalkedMessage | undefined, path: (field: string) => string): void {
  const found = version?.uint32(major.number) ?? PROTOCOL_MAJOR
  if (found !== PROTOCOL_MAJOR) {
    throw new VersionError(path('version.major'), found, PROTOCOL_MAJOR)
  }
}

/** By key, in lower case: two keys that differ in case alone are the same one. */
type XHeaders = ReadonlyMap<string, WalkedMessage>
const NO_X_HEADERS: XHeaders = new Map()

function readXHeaders(
  xHeaders: readonly WalkedMessage[],
  path: (field: string) => string,
): XHeaders {
  const byKey = new Map<string, WalkedMessage>()
  for (const xHeader of xHeaders) {
    const name = xHeader.text(key.number).toLowerCase()
    if (name === '') {
      throw new InvalidFieldError(path('x_headers'), 'has an empty key')
    }
    if (byKey.has(name)) {
      const quoted = JSON.stringify(name.slice(0, MAX_QUOTED_CHARS))
      throw new InvalidFieldError(path('x_headers'), `has the key ${quoted} twice (in any case)`)
    }
    byKey.set(name, xHeader)
  }
  return byKey
}

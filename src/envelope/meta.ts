import { messages } from '#generated/fields'
import { InvalidFieldError, VersionError } from '../core/errors.js'
import { headerPath, type ReadMessage } from './message.js'
import type { WalkedMessage } from './walked-message.js'

const MAX_QUOTED_CHARS = 100

/** The major version of the protocol that is spoken here. */
export const PROTOCOL_MAJOR = 2

/** What Create reads of a request's meta headers. */
export interface RequestMeta {
  /** Of the outermost header; 0 where its sender does not know. */
  readonly epoch: bigint
  /** Of the outermost header: how many nodes the request may still pass. At least 1. */
  readonly ttl: number
  /** The original sender's x-headers of these names. */
  readonly idempotencyKey: string | undefined
  readonly client: string | undefined
  /** Where these two stand. */
  readonly xHeadersPath: string
}

/** What a client reads of a response's meta headers. */
export interface ResponseMeta {
  /** The epoch of the outermost header's sender. */
  readonly epoch: bigint
  /** The server's x-header `request`: the digest of the request that it answers. */
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

/**
 * Checks every level's header, from the outermost inwards. Returns what the outermost one says, and the original
 * sender's x-headers.
 */
function readHeaders({ message, metas }: ReadMessage) {
  const { version, epoch, ttl, x_headers } = message.shape.metaHeader.named
  // Nobody signs a header without a ttl. An empty one would pass for signed by whoever sent an
  // origin signature, which is one over zero bytes.
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

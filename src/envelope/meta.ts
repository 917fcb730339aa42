import { RequestMetaHeader, ResponseMetaHeader } from '#generated/service/meta'
import { InvalidFieldError, MalformedError, VersionError } from '../core/errors.js'
import type { SignedMessage } from './message.js'

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
}

/** What a client reads of a response's meta headers. */
export interface ResponseMeta {
  /** The epoch of the outermost header's sender. */
  readonly epoch: bigint
  /** The server's x-header `request`: the digest of the request that it answers. */
  readonly answers: string | undefined
}

/** The part that the meta headers of requests and responses share. */
interface MetaHeader {
  readonly version: { readonly major: number } | undefined
  readonly ttl: number
  readonly xHeaders: readonly { readonly key: string; readonly value: string }[]
  readonly origin: MetaHeader | undefined
}

/** Throws VersionError, InvalidFieldError, and MalformedError where the slice does not decode. */
export function readRequestMeta({ outermost }: SignedMessage): RequestMeta {
  const header = decodeSlice(RequestMetaHeader, outermost.meta, 'meta_header')
  const original = checkHeaders(header)
  return {
    epoch: header.epoch,
    ttl: header.ttl,
    idempotencyKey: xHeader(original, 'idempotency-key'),
    client: xHeader(original, 'client'),
  }
}

/** Throws as `readRequestMeta` does. */
export function readResponseMeta({ outermost }: SignedMessage): ResponseMeta {
  const header = decodeSlice(ResponseMetaHeader, outermost.meta, 'meta_header')
  const original = checkHeaders(header)
  return { epoch: header.epoch, answers: xHeader(original, 'request') }
}

/**
 * Decodes one signed slice on its own, so that nothing beyond it is read. The walk leaves a decoder
 * nothing to refuse; should it refuse all the same, the bytes are at fault and not the server.
 */
export function decodeSlice<T>(
  type: { decode(bytes: Uint8Array): T },
  slice: Uint8Array,
  path: string,
): T {
  try {
    return type.decode(slice)
  } catch (cause) {
    throw new MalformedError(path, 'does not decode', cause)
  }
}

/** Goes from the outermost header inwards; returns the innermost. */
function checkHeaders(outermost: MetaHeader): MetaHeader {
  let path = 'meta_header'
  let header = outermost
  // Nobody signs a header without a ttl. An empty one would pass for signed by whoever sent an
  // origin signature, which is one over zero bytes.
  let leastTtl = 1
  for (;;) {
    checkVersion(header, path)
    checkXHeaders(header, path)
    if (header.ttl < leastTtl) {
      throw new InvalidFieldError(`${path}.ttl`, `is ${header.ttl}; it must be ${leastTtl} or more`)
    }
    if (header.origin === undefined) {
      return header
    }
    leastTtl = header.ttl + 1
    header = header.origin
    path += '.origin'
  }
}

function checkVersion({ version }: MetaHeader, path: string): void {
  if (version !== undefined && version.major !== PROTOCOL_MAJOR) {
    throw new VersionError(`${path}.version.major`, version.major, PROTOCOL_MAJOR)
  }
}

function checkXHeaders({ xHeaders }: MetaHeader, path: string): void {
  const keys = new Set<string>()
  for (const { key } of xHeaders) {
    if (key === '') {
      throw new InvalidFieldError(`${path}.x_headers`, 'has an empty key')
    }
    if (keys.has(key)) {
      throw new InvalidFieldError(`${path}.x_headers`, `has the key ${JSON.stringify(key)} twice`)
    }
    keys.add(key)
  }
}

function xHeader({ xHeaders }: MetaHeader, key: string): string | undefined {
  return xHeaders.find((header) => header.key === key)?.value
}

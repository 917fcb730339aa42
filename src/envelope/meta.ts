import { InvalidFieldError, MalformedError, VersionError } from '../core/errors.js'
import type { SignedMessage } from './message.js'
import { fieldBytes } from './walk.js'
import { WireReader } from './wire.js'

/** Field numbers that the meta headers of requests and responses share. */
const MetaField = { version: 1, epoch: 2, ttl: 3, xHeaders: 4 } as const
/** Field numbers of `service.Version` and `service.XHeader`. */
const VersionField = { major: 1 } as const
const XHeaderField = { key: 1, value: 2 } as const
const NO_BYTES = new Uint8Array(0)
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

/** What is read of one meta header: the fields that those of requests and responses share. */
interface MetaHeader {
  /** undefined: there is no version. */
  readonly major: number | undefined
  readonly epoch: bigint
  readonly ttl: number
  readonly xHeaders: readonly XHeader[]
}

interface XHeader {
  /** In lower case: two keys that differ in case alone are the same one. */
  readonly key: string
  /** UTF-8. */
  readonly value: Uint8Array
}

/** Throws VersionError, InvalidFieldError, and MalformedError where a slice was not walked. */
export function readRequestMeta(message: SignedMessage): RequestMeta {
  const { outermost, innermost, innermostPath } = readHeaders(message)
  return {
    epoch: outermost.epoch,
    ttl: outermost.ttl,
    idempotencyKey: xHeader(innermost, 'idempotency-key'),
    client: xHeader(innermost, 'client'),
    xHeadersPath: `${innermostPath}.x_headers`,
  }
}

/** Throws as `readRequestMeta` does. */
export function readResponseMeta(message: SignedMessage): ResponseMeta {
  const { outermost, innermost } = readHeaders(message)
  return { epoch: outermost.epoch, answers: xHeader(innermost, 'request') }
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

/** Reads and checks every level's header, from the outermost inwards. */
function readHeaders({ levels }: SignedMessage) {
  let path = 'meta_header'
  // Nobody signs a header without a ttl. An empty one would pass for signed by whoever sent an
  // origin signature, which is one over zero bytes.
  let leastTtl = 1
  const headers = levels.toReversed().map(({ meta }, i) => {
    path += i > 0 ? '.origin' : ''
    const header = readHeader(meta, path)
    checkVersion(header, path)
    checkXHeaders(header, path)
    if (header.ttl < leastTtl) {
      throw new InvalidFieldError(`${path}.ttl`, `is ${header.ttl}; it must be ${leastTtl} or more`)
    }
    leastTtl = header.ttl + 1
    return header
  })
  return {
    outermost: headers[0] as MetaHeader,
    innermost: headers.at(-1) as MetaHeader,
    innermostPath: path,
  }
}

/**
 * Not by the generated decoder: it would read the tokens too, and all that is wrapped, before anything is
 * proved of who sent them. Of a field that stands twice the last counts, as for decoders.
 */
function readHeader(bytes: Uint8Array, path: string): MetaHeader {
  const reader = new WireReader(bytes, path)
  const xHeaders: XHeader[] = []
  let [major, epoch, ttl]: [number | undefined, bigint, number] = [undefined, 0n, 0]
  while (reader.pos < reader.end) {
    const tag = reader.tag()
    switch (tag >>> 3) {
      case MetaField.version:
        major = readMajor(reader.content(), path)
        break
      case MetaField.epoch:
        epoch = reader.uint64()
        break
      case MetaField.ttl:
        ttl = reader.uint32()
        break
      case MetaField.xHeaders:
        xHeaders.push(readXHeader(reader.content()))
        break
      default:
        reader.skip(tag & 7)
    }
  }
  return { major, epoch, ttl, xHeaders }
}

function readMajor(version: Uint8Array, path: string): number {
  const reader = new WireReader(version, path)
  let major = 0
  while (reader.pos < reader.end) {
    const tag = reader.tag()
    if (tag >>> 3 === VersionField.major) {
      major = reader.uint32()
    } else {
      reader.skip(tag & 7)
    }
  }
  return major
}

function readXHeader(bytes: Uint8Array): XHeader {
  return {
    key: text(fieldBytes(bytes, XHeaderField.key) ?? NO_BYTES).toLowerCase(),
    value: fieldBytes(bytes, XHeaderField.value) ?? NO_BYTES,
  }
}

function checkVersion({ major }: MetaHeader, path: string): void {
  if (major !== undefined && major !== PROTOCOL_MAJOR) {
    throw new VersionError(`${path}.version.major`, major, PROTOCOL_MAJOR)
  }
}

function checkXHeaders({ xHeaders }: MetaHeader, path: string): void {
  const keys = new Set<string>()
  for (const { key } of xHeaders) {
    if (key === '') {
      throw new InvalidFieldError(`${path}.x_headers`, 'has an empty key')
    }
    if (keys.has(key)) {
      const quoted = JSON.stringify(key.slice(0, MAX_QUOTED_CHARS))
      throw new InvalidFieldError(`${path}.x_headers`, `has the key ${quoted} twice (in any case)`)
    }
    keys.add(key)
  }
}

function xHeader({ xHeaders }: MetaHeader, key: string): string | undefined {
  const found = xHeaders.find((header) => header.key === key)
  return found && text(found.value)
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString()
}

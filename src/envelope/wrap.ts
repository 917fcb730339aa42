import { RequestMetaHeader } from '#generated/service/meta'
import { InvalidFieldError } from '../core/errors.js'
import type { Signer } from '../crypto/ed25519.js'
import { readMessage } from './message.js'
import { PROTOCOL_MAJOR, readRequestMeta } from './meta.js'
import { createRequest } from './shapes.js'
import { encodeMessage, encodeSignature } from './sign.js'
import { MAX_LEVELS } from './walk.js'
import { encodeFields } from './wire.js'

/**
 * Wraps a received request for the next hop: what was signed stands in it byte for byte. Its
 * signatures are not checked here. `epoch` is the hop's, 0 where it does not know. Throws as
 * `readCreateRequest` does, and InvalidFieldError where the request may not pass another node.
 */
export function wrapRequest(
  bytes: Uint8Array,
  signer: Signer,
  { epoch = 0n }: { epoch?: bigint } = {},
): Buffer {
  const read = readMessage(bytes, createRequest)
  const { body, levels, outermost } = read.message
  const { ttl } = readRequestMeta(read)
  if (ttl < 2) {
    throw new InvalidFieldError('meta_header.ttl', `is ${ttl}: the request ends at this node`)
  }
  if (levels.length === MAX_LEVELS) {
    throw new InvalidFieldError('meta_header', `has ${MAX_LEVELS} levels, the most allowed`)
  }
  const meta = Buffer.concat([
    RequestMetaHeader.encode({
      version: { major: PROTOCOL_MAJOR, minor: 0 },
      epoch,
      ttl: ttl - 1,
      xHeaders: [],
      token: undefined,
      bearer: undefined,
      origin: undefined,
    }).finish(),
    encodeFields([createRequest.metaHeader.named.origin.number, outermost.meta]),
  ])
  const { named } = createRequest.verifyHeader
  const verify = encodeFields(
    [named.meta_signature.number, encodeSignature(signer, meta)],
    [named.origin_signature.number, encodeSignature(signer, outermost.verify)],
    [named.origin.number, outermost.verify],
  )
  return encodeMessage(createRequest, body, meta, verify)
}

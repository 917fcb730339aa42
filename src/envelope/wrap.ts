import { RequestMetaHeader } from '#generated/service/meta'
import { InvalidFieldError } from '../core/errors.js'
import type { Signer } from '../crypto/ed25519.js'
import { readMessage } from './message.js'
import { readRequestMeta, VERSION } from './meta.js'
import { createRequest, type SignedShape } from './shapes.js'
import { encodeMessage, encodeSignature } from './sign.js'
import { MAX_LEVELS } from './walk.js'
import { encodeFields } from './wire.js'

/**
 * Adds a level to a received `session.CreateRequest`, or with `shape` another request, to forward it: everything that was signed stays byte for byte. `signer` is the
 * key of the node that forwards, and `epoch` its epoch (default 0: it does not know). The request is read, but its
 * signatures are not checked: call `verifyChain` first if you forward only what verifies.
 *
 * @throws {SessiondError} With the codes of `readCreateRequest`, and `INVALID_FIELD` if the request may not pass
 * another node: its ttl is 1, or it has 16 levels.
 *
 * @example
 * ```ts
 * import { naclEd25519, wrapRequest } from 'sessiond/envelope'
 *
 * export function forward(received: Uint8Array, nodeSeed: Uint8Array): Uint8Array {
 *   return wrapRequest(received, naclEd25519.signer(nodeSeed))
 * }
 * ```
 */
export function wrapRequest(
  bytes: Uint8Array,
  signer: Signer,
  { epoch = 0n, shape = createRequest }: { epoch?: bigint; shape?: SignedShape } = {},
): Buffer {
  const read = readMessage(bytes, shape)
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
      version: VERSION,
      epoch,
      ttl: ttl - 1,
      xHeaders: [],
      token: undefined,
      bearer: undefined,
      origin: undefined,
    }).finish(),
    encodeFields([shape.metaHeader.named.origin.number, outermost.meta]),
  ])
  // What a request has beside its three parts, such as the proof of a Bind.
  const rest = shape.fields.flatMap((field, number) =>
    field?.kind === 'bytes' ? [encodeFields([number, read.whole.content(number)])] : [],
  )
  const { named } = shape.verifyHeader
  const verify = encodeFields(
    [named.meta_signature.number, encodeSignature(signer, meta)],
    [named.origin_signature.number, encodeSignature(signer, outermost.verify)],
    [named.origin.number, outermost.verify],
  )
  return Buffer.concat([encodeMessage(shape, body, meta, verify), ...rest])
}

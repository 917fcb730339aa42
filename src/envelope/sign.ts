import { messages } from '#generated/fields'
import type { Signer } from '../crypto/ed25519.js'
import { createRequest, createResponse, type SignedShape } from './shapes.js'
import { encodeFields } from './wire.js'

/** What the original sender signs, as it will stand on the wire. */
export interface MessageParts {
  readonly body: Uint8Array
  readonly meta: Uint8Array
}

const NO_BYTES = new Uint8Array(0)

/** Signs a request as its original sender. Returns the whole message. */
export function signRequest({ body, meta }: MessageParts, signer: Signer): Buffer {
  const signature = (content: Uint8Array) => encodeSignature(signer, content)
  return assemble(
    createRequest,
    { body, meta },
    signature(body),
    signature(meta),
    signature(NO_BYTES),
  )
}

/**
 * Signs one response after another. The origin signature never changes and the meta header seldom
 * does, so most responses cost one signature. A meta header must not be written to afterwards.
 */
export function createResponseSigner(signer: Signer): (parts: MessageParts) => Buffer {
  const originSignature = encodeSignature(signer, NO_BYTES)
  let signedMeta: Uint8Array = NO_BYTES
  let metaSignature = originSignature
  return ({ body, meta }) => {
    if (Buffer.compare(meta, signedMeta) !== 0) {
      metaSignature = encodeSignature(signer, meta)
      signedMeta = meta
    }
    const bodySignature = encodeSignature(signer, body)
    return assemble(createResponse, { body, meta }, bodySignature, metaSignature, originSignature)
  }
}

const { key, sign } = messages['service.Signature']

/** A `service.Signature` over `content`. */
export function encodeSignature(signer: Signer, content: Uint8Array): Buffer {
  return encodeFields([key.number, signer.publicKey], [sign.number, signer.sign(content)])
}

export function encodeMessage(
  { named }: SignedShape,
  body: Uint8Array,
  meta: Uint8Array,
  verify: Uint8Array,
): Buffer {
  return encodeFields(
    [named.body.number, body],
    [named.meta_header.number, meta],
    [named.verify_header.number, verify],
  )
}

function assemble(
  shape: SignedShape,
  { body, meta }: MessageParts,
  bodySignature: Uint8Array,
  metaSignature: Uint8Array,
  originSignature: Uint8Array,
): Buffer {
  const { named } = shape.verifyHeader
  const verify = encodeFields(
    [named.body_signature.number, bodySignature],
    [named.meta_signature.number, metaSignature],
    [named.origin_signature.number, originSignature],
  )
  return encodeMessage(shape, body, meta, verify)
}

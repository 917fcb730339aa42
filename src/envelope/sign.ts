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
export function signRequest(parts: MessageParts, signer: Signer): Buffer {
  return encodeSigned(createRequest, parts, {
    key: signer.publicKey,
    body: signer.sign(parts.body),
    meta: signer.sign(parts.meta),
    origin: signer.sign(NO_BYTES),
  })
}

/**
 * Signs one response after another. The origin signature never changes and the meta header seldom
 * does, so most responses cost one signature. A meta header must not be written to afterwards.
 */
export function createResponseSigner(signer: Signer): (parts: MessageParts) => Buffer {
  const origin = signer.sign(NO_BYTES)
  let signedMeta: Uint8Array = NO_BYTES
  let metaSignature = origin
  return ({ body, meta }) => {
    if (Buffer.compare(meta, signedMeta) !== 0) {
      metaSignature = signer.sign(meta)
      signedMeta = meta
    }
    const signatures = {
      key: signer.publicKey,
      body: signer.sign(body),
      meta: metaSignature,
      origin,
    }
    return encodeResponse({ body, meta }, signatures)
  }
}

/** What one key signed of a message. */
export interface MessageSignatures {
  /** The public key, 32 or 33 bytes. */
  readonly key: Uint8Array
  /** Each 64 bytes, or 65 for P-256 with SHA-512. */
  readonly body: Uint8Array
  readonly meta: Uint8Array
  /** Over nothing: there is no origin. */
  readonly origin: Uint8Array
}

/** A response whose signatures were made before. Returns the whole message. */
export function encodeResponse(parts: MessageParts, signatures: MessageSignatures): Buffer {
  return encodeSigned(createResponse, parts, signatures)
}

const signatureFields = messages['service.Signature']

/** A `service.Signature` over `content`. */
export function encodeSignature(signer: Signer, content: Uint8Array): Buffer {
  return signatureBytes(signer.publicKey, signer.sign(content))
}

function signatureBytes(key: Uint8Array, sign: Uint8Array): Buffer {
  return encodeFields([signatureFields.key.number, key], [signatureFields.sign.number, sign])
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

function encodeSigned(
  shape: SignedShape,
  parts: MessageParts,
  { key, body, meta, origin }: MessageSignatures,
): Buffer {
  const { named } = shape.verifyHeader
  const verify = encodeFields(
    [named.body_signature.number, signatureBytes(key, body)],
    [named.meta_signature.number, signatureBytes(key, meta)],
    [named.origin_signature.number, signatureBytes(key, origin)],
  )
  return encodeMessage(shape, parts.body, parts.meta, verify)
}

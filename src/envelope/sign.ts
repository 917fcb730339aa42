import type { Signer } from '../crypto/ed25519.js'
import { MessageField, SignatureField, VerifyField } from './message.js'
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
  return assemble({ body, meta }, signature(body), signature(meta), signature(NO_BYTES))
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
    return assemble({ body, meta }, encodeSignature(signer, body), metaSignature, originSignature)
  }
}

/** A `service.Signature` over `content`. */
export function encodeSignature(signer: Signer, content: Uint8Array): Buffer {
  return encodeFields(
    [SignatureField.key, signer.publicKey],
    [SignatureField.sign, signer.sign(content)],
  )
}

export function encodeMessage(body: Uint8Array, meta: Uint8Array, verify: Uint8Array): Buffer {
  return encodeFields(
    [MessageField.body, body],
    [MessageField.metaHeader, meta],
    [MessageField.verifyHeader, verify],
  )
}

function assemble(
  { body, meta }: MessageParts,
  bodySignature: Uint8Array,
  metaSignature: Uint8Array,
  originSignature: Uint8Array,
): Buffer {
  const verify = encodeFields(
    [VerifyField.bodySignature, bodySignature],
    [VerifyField.metaSignature, metaSignature],
    [VerifyField.originSignature, originSignature],
  )
  return encodeMessage(body, meta, verify)
}

import { messages } from '#generated/fields'
import type { Signer } from '../crypto/ed25519.js'
import { createRequest, createResponse, type SignedShape } from './shapes.js'
import { encodeFields } from './wire.js'

/** What the original sender signs: bytes that are sent as they are, since another encoding would not verify. */
export interface MessageParts {
  /** An encoded body: `session.CreateRequest.Body` or `session.CreateResponse.Body`. */
  readonly body: Uint8Array
  /** An encoded meta header: `service.RequestMetaHeader` or `service.ResponseMetaHeader`. */
  readonly meta: Uint8Array
}

const NO_BYTES = new Uint8Array(0)

/**
 * Signs a `session.CreateRequest`, or with `shape` another request, as its original sender, and returns the whole message.
 * The content of `body` and `meta` is not checked.
 *
 * @example
 * ```ts
 * import { type MessageParts, p256Signer, signRequest } from 'sessiond/envelope'
 *
 * // `parts` as your protobuf library encodes them.
 * export function sign(parts: MessageParts, secret: Uint8Array): Uint8Array {
 *   return signRequest(parts, p256Signer(secret))
 * }
 * ```
 */
export function signRequest(
  parts: MessageParts,
  signer: Signer,
  shape: SignedShape = createRequest,
): Buffer {
  return encodeSigned(shape, parts, {
    key: signer.publicKey,
    body: signer.sign(parts.body),
    meta: signer.sign(parts.meta),
    origin: originSignature(signer),
  })
}

/**
 * Makes a function that signs one `session.CreateResponse` after another, and returns whole messages. It remembers the
 * signatures over the last meta header and over no origin, so most responses cost one signature. Do not change the
 * bytes of a meta header after you passed it.
 *
 * @example
 * ```ts
 * import { createResponseSigner, type MessageParts, naclEd25519 } from 'sessiond/envelope'
 *
 * export function answers(seed: Uint8Array, parts: readonly MessageParts[]): Uint8Array[] {
 *   return parts.map(createResponseSigner(naclEd25519.signer(seed)))
 * }
 * ```
 */
export function createResponseSigner(signer: Signer): (parts: MessageParts) => Buffer {
  const answers = new AnswerSigner(signer)
  return (parts) => answers.encode(createResponse, parts)
}

/**
 * Signs one answer after another. It remembers the signatures over no origin and over the last meta header that recurs. Do not
 * change the bytes of a meta header after you passed it.
 */
export class AnswerSigner {
  private readonly origin: Uint8Array
  private last: { readonly meta: Uint8Array; readonly signature: Uint8Array } | null = null

  /** `onSigned`: told how long each signature over a body or a meta header took, in milliseconds. */
  constructor(
    private readonly signer: Signer,
    private readonly onSigned: (durationMs: number) => void = () => {},
  ) {
    this.origin = originSignature(signer)
  }

  get publicKey(): Uint8Array {
    return this.signer.publicKey
  }

  /** Whether the signature over this meta header is at hand. */
  knows(meta: Uint8Array): boolean {
    return this.last !== null && Buffer.compare(meta, this.last.meta) === 0
  }

  /** `made`: signatures that were made elsewhere with the same key. `recurs`: whether the meta header comes again. */
  encode(
    shape: SignedShape,
    { body, meta }: MessageParts,
    made: { readonly body?: Uint8Array | null; readonly meta?: Uint8Array | null } = {},
    recurs = true,
  ): Buffer {
    const signatures = {
      key: this.signer.publicKey,
      meta: this.metaSignature(meta, made.meta ?? null, recurs),
      body: made.body ?? this.sign(body),
      origin: this.origin,
    }
    return encodeSigned(shape, { body, meta }, signatures)
  }

  private metaSignature(meta: Uint8Array, made: Uint8Array | null, recurs: boolean): Uint8Array {
    if (this.last !== null && this.knows(meta)) {
      return this.last.signature
    }
    const signature = made ?? this.sign(meta)
    if (recurs) {
      // In memory of its own: it may be a slice of something larger.
      this.last = { meta, signature: new Uint8Array(signature) }
    }
    return signature
  }

  private sign(content: Uint8Array): Uint8Array {
    const startedAtMs = performance.now()
    const signature = this.signer.sign(content)
    this.onSigned(performance.now() - startedAtMs)
    return signature
  }
}

const originSignatures = new WeakMap<Signer, Uint8Array>()

/** The signature over no origin: one will do for all messages of a signer, since nothing in it changes. */
function originSignature(signer: Signer): Uint8Array {
  let signature = originSignatures.get(signer)
  if (signature === undefined) {
    signature = signer.sign(NO_BYTES)
    originSignatures.set(signer, signature)
  }
  return signature
}

/** The signatures over a message by one key. */
export interface MessageSignatures {
  /** The public key, 32 or 33 bytes. */
  readonly key: Uint8Array
  /** Each 64 bytes, or 65 for P-256 with SHA-512. */
  readonly body: Uint8Array
  readonly meta: Uint8Array
  /** Over nothing: there is no origin. Absent: it is left out, as some senders do. */
  readonly origin?: Uint8Array
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

/** Encodes a whole message with signatures that were made elsewhere. */
export function encodeSigned(
  shape: SignedShape,
  parts: MessageParts,
  { key, body, meta, origin }: MessageSignatures,
): Buffer {
  const { named } = shape.verifyHeader
  const signed: [number, Uint8Array][] = [
    [named.body_signature.number, signatureBytes(key, body)],
    [named.meta_signature.number, signatureBytes(key, meta)],
  ]
  if (origin !== undefined) {
    signed.push([named.origin_signature.number, signatureBytes(key, origin)])
  }
  const verify = encodeFields(...signed)
  return encodeMessage(shape, parts.body, parts.meta, verify)
}

const NEXT_IDENTITY = Buffer.from('sessiond next identity v1')

/**
 * What a server signs with its identity to say which key, 32 bytes, will follow it. No message of the
 * protocol begins like this: as protobuf it would open a group.
 */
export function nextIdentityStatement(nextIdentity: Uint8Array): Buffer {
  return Buffer.concat([NEXT_IDENTITY, nextIdentity])
}

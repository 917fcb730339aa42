import { ResponseMetaHeader } from '#generated/service/meta'
import { sameBytes } from '../core/bytes.js'
import type { TokenSession } from '../core/create/create.js'
import type { EpochClock } from '../core/epoch.js'
import { uuidBytes } from '../core/uuid.js'
import type { Signer } from '../crypto/ed25519.js'
import { type CreateRequestEnvelope, responseBody } from '../envelope/create.js'
import { requestDigest } from '../envelope/digest.js'
import { createResponse } from '../envelope/shapes.js'
import { encodeSigned } from '../envelope/sign.js'
import type { Minted } from './job.js'

const NO_BYTES = new Uint8Array(0)

interface PlainMeta {
  readonly epoch: bigint
  readonly meta: Uint8Array
  /** Null until it is made. */
  signature: Uint8Array | null
}

export interface AnswersPorts {
  /** Who signs answers: asked for each, for it may change. */
  readonly identity: () => Signer
  readonly clock: EpochClock
  /** How long a signature took that was made here. */
  readonly onSigned: (durationMs: number) => void
}

/** Builds signed `session.CreateResponse`s, mostly from signatures that were made together with the session's key. */
export class Answers {
  private signer: Signer
  /** The signature over nothing, which never changes. */
  private origin: Uint8Array
  /** The meta header of answers to requests without an idempotency key, which is the same within an epoch. */
  private plain: PlainMeta = { epoch: -1n, meta: NO_BYTES, signature: null }

  constructor(private readonly ports: AnswersPorts) {
    this.signer = ports.identity()
    this.origin = this.signer.sign(NO_BYTES)
  }

  /** The meta header of the answer to a request. */
  metaFor({ idempotencyKey, message }: CreateRequestEnvelope): Uint8Array {
    const epoch = this.ports.clock.now()
    if (idempotencyKey !== undefined) {
      // Ties the answer to this request, so that an old one cannot be passed off as new.
      return answerMeta(epoch, [{ key: 'request', value: requestDigest(message) }])
    }
    if (this.plain.epoch !== epoch) {
      this.plain = { epoch, meta: answerMeta(epoch, []), signature: null }
    }
    return this.plain.meta
  }

  /** Whether the signature over this meta header is at hand. */
  knows(meta: Uint8Array): boolean {
    this.followIdentity()
    return meta === this.plain.meta && this.plain.signature !== null
  }

  /** Tells of a session. `minted` is what was made for the request, whether this session has it or not. */
  answer({ id, token }: TokenSession, meta: Uint8Array, minted: Minted): Buffer {
    this.followIdentity()
    const { signer, origin } = this
    const isMinted = sameBytes(token.publicKey, minted.publicKey)
    const body = responseBody(isMinted ? minted.id : uuidBytes(id), token.publicKey)
    const isInForce = sameBytes(minted.signer, signer.publicKey)
    return encodeSigned(
      createResponse,
      { body, meta },
      {
        key: signer.publicKey,
        body: isMinted && isInForce ? minted.bodySignature : this.sign(body),
        meta: this.metaSignature(meta, isInForce ? minted.metaSignature : null),
        origin,
      },
    )
  }

  private metaSignature(meta: Uint8Array, made: Uint8Array | null): Uint8Array {
    const { plain } = this
    if (meta !== plain.meta) {
      return made ?? this.sign(meta)
    }
    plain.signature ??= new Uint8Array(made ?? this.sign(meta))
    return plain.signature
  }

  private followIdentity(): void {
    const signer = this.ports.identity()
    if (signer !== this.signer) {
      this.signer = signer
      this.origin = signer.sign(NO_BYTES)
      this.plain.signature = null
    }
  }

  private sign(content: Uint8Array): Uint8Array {
    const startedAtMs = performance.now()
    const signature = this.signer.sign(content)
    this.ports.onSigned(performance.now() - startedAtMs)
    return signature
  }
}

/** The meta header of an answer. */
export function answerMeta(epoch: bigint, xHeaders: { key: string; value: string }[]): Uint8Array {
  return ResponseMetaHeader.encode({
    version: { major: 2, minor: 0 },
    epoch,
    ttl: 1,
    xHeaders,
    origin: undefined,
  }).finish()
}

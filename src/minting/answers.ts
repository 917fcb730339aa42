import { ResponseMetaHeader } from '#generated/service/meta'
import { sameBytes } from '../core/bytes.js'
import type { TokenSession } from '../core/create/create.js'
import type { EpochClock } from '../core/epoch.js'
import { uuidBytes } from '../core/uuid.js'
import type { Signer } from '../crypto/ed25519.js'
import { type CreateRequestEnvelope, responseBody } from '../envelope/create.js'
import { requestDigest } from '../envelope/digest.js'
import { VERSION } from '../envelope/meta.js'
import { createResponse, type SignedShape } from '../envelope/shapes.js'
import { AnswerSigner } from '../envelope/sign.js'
import type { Minted, SignedAnswer } from './job.js'

export interface AnswersPorts {
  /** Who signs answers: asked for each, for it may change. */
  readonly identity: () => Signer
  readonly clock: EpochClock
  /** How long a signature took that was made here. */
  readonly onSigned: (durationMs: number) => void
}

/** Builds the server's signed answers; those to Create mostly from signatures that were made together with the session's key. */
export class Answers {
  private identity: Signer
  private signer: AnswerSigner
  /** The meta header of answers that say in their body which request they answer, or need not: the same within an epoch. */
  private plain: { readonly epoch: bigint; readonly meta: Uint8Array }

  constructor(private readonly ports: AnswersPorts) {
    this.identity = ports.identity()
    this.signer = new AnswerSigner(this.identity, ports.onSigned)
    this.plain = plainMeta(ports.clock.now())
  }

  /**
   * Signs an answer, which says in its body which request it answers. `made`: the signature over that body, if it was made
   * before.
   */
  sign(shape: SignedShape, body: Uint8Array, made?: SignedAnswer): Buffer {
    const signer = this.current()
    const isInForce = made !== undefined && sameBytes(made.signer, signer.publicKey)
    const signed = { body: isInForce ? made.signature : null }
    return signer.encode(shape, { body, meta: this.plainMeta() }, signed)
  }

  /** The meta header of the answer to a Create. */
  metaFor({ idempotencyKey, message }: CreateRequestEnvelope): Uint8Array {
    return idempotencyKey === undefined
      ? this.plainMeta()
      : // Ties the answer to this request, so that an old one cannot be passed off as new.
        answerMeta(this.ports.clock.now(), [{ key: 'request', value: requestDigest(message) }])
  }

  /** Whether the signature over this meta header is at hand. */
  knows(meta: Uint8Array): boolean {
    return this.current().knows(meta)
  }

  /** Tells of a session. `minted` is what was made for the request, whether this session has it or not. */
  answer({ id, token }: TokenSession, meta: Uint8Array, minted: Minted): Buffer {
    const isMinted = sameBytes(token.publicKey, minted.publicKey)
    const body = responseBody(isMinted ? minted.id : uuidBytes(id), token.publicKey)
    const signer = this.current()
    const isInForce = sameBytes(minted.signer, signer.publicKey)
    const made = {
      body: isMinted && isInForce ? minted.bodySignature : null,
      meta: isInForce ? minted.metaSignature : null,
    }
    return signer.encode(createResponse, { body, meta }, made, meta === this.plain.meta)
  }

  private plainMeta(): Uint8Array {
    const epoch = this.ports.clock.now()
    if (this.plain.epoch !== epoch) {
      this.plain = plainMeta(epoch)
    }
    return this.plain.meta
  }

  private current(): AnswerSigner {
    const identity = this.ports.identity()
    if (identity !== this.identity) {
      this.identity = identity
      this.signer = new AnswerSigner(identity, this.ports.onSigned)
    }
    return this.signer
  }
}

function plainMeta(epoch: bigint) {
  return { epoch, meta: answerMeta(epoch, []) }
}

function answerMeta(epoch: bigint, xHeaders: { key: string; value: string }[]): Uint8Array {
  return ResponseMetaHeader.encode({
    version: VERSION,
    epoch,
    ttl: 1,
    xHeaders,
    origin: undefined,
  }).finish()
}

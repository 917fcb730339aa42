import { createHash, randomBytes } from 'node:crypto'
import { ResponseMetaHeader } from '#generated/service/meta'
import { SessionEnding, WatchResponse_Body } from '#generated/sessiond/v1/tokens'
import { uuidBytes } from '../../src/core/uuid.js'
import type { Signer } from '../../src/crypto/ed25519.js'
import { tokens } from '../../src/envelope/shapes.js'
import { encodeSigned } from '../../src/envelope/sign.js'
import type { EndedSession } from '../../src/tokens/watch-message.js'

const NOTHING = new Uint8Array()

/** What a message of Watch says, beside its endings and its hash. */
export interface Told {
  readonly cursor?: Uint8Array
  readonly isFull?: boolean
  readonly timeMs?: number
  /** The last message of the answer. */
  readonly isLast?: boolean
  /** Other parts of the body than they should be. */
  readonly parts?: Partial<WatchResponse_Body>
}

/** One stream of Watch, as a server of any language makes it. */
export class WatchStream {
  private hash: Uint8Array
  private isLive = false
  /** That of the meta header. */
  epoch = 7n

  constructor(
    private readonly request: Uint8Array,
    public signer: Signer,
  ) {
    this.hash = request
  }

  /** The next message, with these endings. */
  message(endings: readonly EndedSession[] = [], told: Told = {}): Buffer {
    const { cursor = NOTHING, isFull = false, timeMs = 0, isLast = false, parts = {} } = told
    const sent = endings.map(({ id, endTimeMs, reason, exp }) => ({
      ...{ id: uuidBytes(id), endTimeMs: BigInt(endTimeMs), reason, exp },
    }))
    for (const ending of sent) {
      const bytes = SessionEnding.encode(ending).finish()
      this.hash = createHash('sha256').update(this.hash).update(bytes).digest()
    }
    const body = {
      request: this.isLive ? NOTHING : this.request,
      ...{ endings: sent, cursor, hash: this.hash, isFull, timeMs: BigInt(timeMs) },
      nextHash: isLast ? randomBytes(32) : NOTHING,
      ...parts,
    }
    if (isLast) {
      this.hash = body.nextHash
      this.isLive = true
    }
    return signed(WatchResponse_Body.encode(body).finish(), this.signer, this.epoch)
  }
}

/** A message of Watch with this body. */
export function signed(body: Uint8Array, signer: Signer, epoch = 7n): Buffer {
  const meta = ResponseMetaHeader.encode({
    ...{ version: { major: 2, minor: 0 }, epoch, ttl: 1, xHeaders: [], origin: undefined },
  }).finish()
  const [key, origin] = [signer.publicKey, signer.sign(NOTHING)]
  const signatures = { key, body: signer.sign(body), meta: signer.sign(meta), origin }
  return encodeSigned(tokens.watchResponse, { body, meta }, signatures)
}

import { verify as platformVerify } from '#tokens/verify'
import { sameBytes } from '../core/bytes.js'
import { isCallerError } from '../core/errors.js'
import type { Verify } from '../crypto/schemes.js'
import { verifyChain } from '../envelope/chain.js'
import { epochNow } from './check.js'
import {
  type EndedSession,
  hashAfter,
  readWatchMessage,
  type WatchMessage,
} from './watch-message.js'

/**
 * Why a message of Watch is refused. Programs rely on these: none is renamed, and none changes what it means.
 *
 * - `MALFORMED`: the bytes are no message of the contract.
 * - `UNKNOWN_KEY`: who signed it is no server that is trusted. The server may have changed its identity.
 * - `BAD_SIGNATURE`: a signature does not verify.
 * - `OTHER_REQUEST`: it answers another request, or stands in the wrong part of the stream.
 * - `BROKEN_CHAIN`: an ending before it was left out, repeated or altered, or the message stands elsewhere in the stream.
 */
export type EndingsReason =
  | 'MALFORMED'
  | 'UNKNOWN_KEY'
  | 'BAD_SIGNATURE'
  | 'OTHER_REQUEST'
  | 'BROKEN_CHAIN'

/** What a message of Watch told, or why it is refused. */
export type EndingsVerdict =
  | {
      readonly isGood: true
      /** Empty in a heartbeat. */
      readonly endings: readonly EndedSession[]
      /** All unexpired endings begin here: the server could not go on from the cursor. */
      readonly isFull: boolean
    }
  | { readonly isGood: false; readonly reason: EndingsReason; readonly message: string }

/** Whom `EndedSessions` believes, and by which clock it forgets. */
export interface EndedSessionsOptions {
  /** Whether this is the identity of a server that is trusted: a public key, 32 bytes. */
  readonly trusts: (key: Uint8Array) => boolean
  /** The epoch now, as the server counts. The same that decides whether a token is expired. Default: Unix seconds. */
  readonly epoch?: () => bigint
  /** Unix time in milliseconds. Default: `Date.now`. */
  readonly nowMs?: () => number
  /** Default: by node:crypto, or in browsers by JavaScript. */
  readonly verify?: Verify
}

/** At that many the expired ones are forgotten for the first time. */
const FEW = 1024

/**
 * The sessions that ended before their lifetime was over, as a server told them by `sessiond.v1.Tokens/Watch`. Every message is
 * verified: who signed it, and that none before it is missing. Endings are kept until the session would have expired, so
 * what is kept is at most twice the number of unexpired endings.
 *
 * @example
 * ```ts
 * import { EndedSessions } from 'sessiond/token'
 *
 * export async function follow(messages: AsyncIterable<Uint8Array>, digest: Uint8Array, serverKey: Uint8Array) {
 *   const ended = new EndedSessions({ trusts: (key) => key.every((byte, i) => byte === serverKey[i]) })
 *   const stream = ended.stream(digest)
 *   for await (const message of messages) {
 *     const verdict = stream.accept(message)
 *     if (!verdict.isGood) {
 *       throw new Error(`${verdict.reason}: ${verdict.message}`)
 *     }
 *     console.log(verdict.endings, ended.verifiedAtMs)
 *   }
 * }
 * ```
 */
export class EndedSessions {
  private readonly byId = new Map<string, EndedSession>()
  private forgetAtSize = FEW
  private lastCursor: Uint8Array = new Uint8Array()
  private lastVerifiedAtMs: number | null = null

  constructor(private readonly options: EndedSessionsOptions) {}

  /** How the session ended. undefined: no ending of it is known. Takes the same time however many are kept. */
  find(id: string): EndedSession | undefined {
    return this.byId.get(id)
  }

  /** How many are kept. */
  get size(): number {
    return this.byId.size
  }

  /**
   * Every ending that was acknowledged before this instant is known, in Unix milliseconds by the server's clock, and never
   * later than it was received by this one. null: nothing is known yet.
   */
  get verifiedAtMs(): number | null {
    return this.lastVerifiedAtMs
  }

  /** For the next request of Watch, on any server of the store. Empty at first. */
  get cursor(): Uint8Array {
    return this.lastCursor
  }

  /**
   * A new stream. `request`: the digest of its request, SHA-256 over the body and the meta header (`requestDigest` of
   * `sessiond/envelope` as bytes). One stream at a time.
   */
  stream(request: Uint8Array): EndingsStream {
    return new EndingsStream(request, this.options, (message) => this.take(message))
  }

  private take({ endings, cursor, timeMs }: WatchMessage): void {
    const { epoch = epochNow, nowMs = Date.now } = this.options
    if (this.byId.size + endings.length > this.forgetAtSize) {
      this.forgetExpired(epoch())
    }
    for (const ending of endings) {
      this.byId.set(ending.id, ending)
    }
    if (cursor.length > 0) {
      // In memory of its own: what it arrived in may be large.
      this.lastCursor = new Uint8Array(cursor)
    }
    if (timeMs > 0) {
      // What was known last is not of the future either, if the clock was set back since.
      this.lastVerifiedAtMs = Math.min(nowMs(), Math.max(this.lastVerifiedAtMs ?? 0, timeMs))
    }
  }

  private forgetExpired(now: bigint): void {
    for (const { id, exp } of this.byId.values()) {
      if (exp < now) {
        this.byId.delete(id)
      }
    }
    this.forgetAtSize = Math.max(FEW, 2 * this.byId.size)
  }
}

/** One stream of Watch. Give it every message, in the order of arrival. */
export class EndingsStream {
  /** The running hash so far. */
  private hash: Uint8Array
  private isAnswered = false
  private isBegun = false
  private failed: (EndingsVerdict & { readonly isGood: false }) | null = null
  private readonly verify: Verify
  private readonly verifyHeader: Verify

  /** `take`: called with each message that is good. */
  constructor(
    private readonly request: Uint8Array,
    private readonly options: EndedSessionsOptions,
    private readonly take: (message: WatchMessage) => void,
  ) {
    this.hash = request
    this.verify = options.verify ?? platformVerify
    this.verifyHeader = recurring(this.verify)
  }

  /** Whether everything that ended before the stream was told. */
  get isCaughtUp(): boolean {
    return this.isAnswered
  }

  /**
   * Verifies a message, and keeps what it tells. After one that is refused, all that follow are too: begin a new stream,
   * from the cursor. Never throws, whatever the bytes.
   */
  accept(bytes: Uint8Array): EndingsVerdict {
    if (this.failed !== null) {
      return this.failed
    }
    const read = this.tryRead(bytes)
    const failed = 'reason' in read ? read : (this.signatureFault(read) ?? this.chainFault(read))
    if (failed !== null) {
      this.failed = failed
      return failed
    }
    const { endings, isFull } = read as WatchMessage
    this.take(read as WatchMessage)
    return { isGood: true, endings, isFull }
  }

  private tryRead(bytes: Uint8Array): WatchMessage | Refused {
    try {
      return readWatchMessage(bytes)
    } catch (error) {
      if (isCallerError(error)) {
        return refused('MALFORMED', error.message)
      }
      throw error
    }
  }

  private signatureFault({ message }: WatchMessage): Refused | null {
    const { key } = message.innermost.bodySignature
    if (!this.options.trusts(key)) {
      return refused('UNKNOWN_KEY', 'the key that signed the message is no trusted identity')
    }
    try {
      verifyChain(message, { body: this.verify, header: this.verifyHeader })
      return null
    } catch (error) {
      if (isCallerError(error)) {
        return refused('BAD_SIGNATURE', error.message)
      }
      throw error
    }
  }

  /** Moves on with the message, if it follows the one before. */
  private chainFault({
    request,
    endingBytes,
    hash,
    nextHash,
    isFull,
  }: WatchMessage): Refused | null {
    const isAnswer = request.length > 0
    if (isAnswer === this.isAnswered || (isAnswer && !sameBytes(request, this.request))) {
      return refused('OTHER_REQUEST', 'the message does not answer this request here')
    }
    if ((isFull && this.isBegun) || (nextHash.length > 0 && !isAnswer)) {
      return refused('OTHER_REQUEST', 'the message stands in the wrong part of the stream')
    }
    const after = endingBytes.reduce(hashAfter, this.hash)
    if (!sameBytes(after, hash)) {
      return refused('BROKEN_CHAIN', 'a message before it is missing, or stands elsewhere')
    }
    this.isBegun = true
    this.isAnswered ||= nextHash.length > 0
    this.hash = nextHash.length > 0 ? new Uint8Array(nextHash) : after
    return null
  }
}

type Refused = EndingsVerdict & { readonly isGood: false }

function refused(reason: EndingsReason, message: string): Refused {
  return { isGood: false, reason, message }
}

/** Of a stream: the signatures over nothing, and over the meta header of an epoch. */
const RECURRING = 2

/** A verifier that remembers the last few signatures that verified: those of headers come again and again. */
function recurring(verify: Verify): Verify {
  const known: (readonly Uint8Array[])[] = []
  return (...signature) => {
    const at = known.findIndex((parts) =>
      parts.every((part, i) => sameBytes(part, signature[i] as Uint8Array)),
    )
    if (at < 0 && !verify(...signature)) {
      return false
    }
    // In memory of their own: they are slices of messages.
    const found = at < 0 ? signature.map((part) => new Uint8Array(part)) : known.splice(at, 1)[0]
    known.unshift(found as Uint8Array[])
    known.splice(RECURRING)
    return true
  }
}

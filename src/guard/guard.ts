import { EpochClock, type EpochSettings, UNIX_SECONDS } from '../core/epoch.js'
import {
  type ObjectAddress,
  type SessionToken,
  TokenChecker,
  type TokenCheckerOptions,
  type Verb,
} from '../tokens/index.js'
import { Replays } from './replays.js'
import {
  type Fault,
  fault,
  type GuardReason,
  type GuardVerdict,
  type Presented,
} from './verdict.js'

const DEFAULT_DRIFT_MS = 60_000
const DEFAULT_STALE_MS = 15_000
const DEFAULT_REMEMBERED = 500_000

/** Which sessions have ended, and how much of that is known. `watchEndings` makes one. */
export interface KnownEndings {
  /** Whether the session is known to have ended. In constant time. */
  isEnded(sessionId: string): boolean
  /** Whatever was acknowledged as ended before this instant is known, Unix milliseconds. null: nothing is known yet. */
  readonly verifiedAtMs: number | null
}

/** What is about to be done: the token must allow it. */
export interface GuardedUse {
  readonly verb: Verb
  /** On what. Absent: on no object in particular. */
  readonly object?: ObjectAddress | undefined
}

/** What a guard checks requests against. What `TokenCheckerOptions` has says who may speak for an owner. */
export interface GuardOptions extends TokenCheckerOptions {
  /**
   * Who this service is: what its callers sign that their requests are for. For HTTP the host of its URLs, with the port if
   * that is not the default one. Whatever name a proxy in between uses does not matter.
   */
  readonly audience: string
  /** Which sessions have ended. `not-watched`: a token is good until it expires, whatever becomes of its session. */
  readonly endings: KnownEndings | 'not-watched'
  /**
   * What to do once it has not been known for `maxStaleMs` which sessions ended, such as while the server cannot be reached:
   * refuse all requests, or accept those of sessions that were not ended when it was known last. Before it was ever known, all
   * are refused. Default: `refuse`.
   */
  readonly whenStale?: 'refuse' | 'accept'
  /** Milliseconds. The server says something every 5 seconds at least. Default: 15,000. */
  readonly maxStaleMs?: number
  /** How far the time of a proof may be from this clock, in milliseconds. Default: 60,000. */
  readonly maxDriftMs?: number
  /** How many proofs to remember at most, up to 120 bytes each. Beyond it requests are refused. Default: 500,000. */
  readonly maxRemembered?: number
  /** How the server counts epochs. Default: Unix seconds. */
  readonly epochs?: EpochSettings
  /** Unix time in milliseconds. Default: `Date.now`. */
  readonly nowMs?: () => number
  /** Called after each check, for metrics of your own. null: the request may be served. */
  readonly onDecision?: (reason: GuardReason | null) => void
}

/** What a guard did so far. */
export interface GuardCounts {
  readonly accepted: number
  /** By reason; those that never occurred are absent. */
  readonly refused: Readonly<Partial<Record<GuardReason, number>>>
  /** How many proofs are remembered now. */
  readonly remembered: number
  /**
   * How long ago it was known which sessions have ended, in milliseconds, or how far the clock was set back since. Infinity:
   * never. 0: that is not watched.
   */
  readonly staleMs: number
}

/**
 * Decides whether a request under a session token may be served: the token allows it and its owner signed it, the sender has
 * the session key and signed this very request, which never came before, and the session has not ended. It asks no server
 * for that. `httpGuard` and `guardInterceptor` read requests for it.
 *
 * @example
 * ```ts
 * import { connect, privateKeyFromPem, publicKeyFromText, signerOf } from 'sessiond/client'
 * import { Guard, watchEndings } from 'sessiond/guard'
 *
 * // A key that the server's --signers names, for any verb.
 * export function openGuard(address: string, serverKey: string, ownKey: string): Guard {
 *   const server = connect(address, { serverKeys: [publicKeyFromText(serverKey, 'SERVER_KEY')] })
 *   const endings = watchEndings(server, signerOf(privateKeyFromPem(ownKey, 'service.key')))
 *   return new Guard({ audience: 'objects.example', endings })
 * }
 * ```
 */
export class Guard {
  readonly audience: string
  readonly clock: EpochClock
  private readonly checker: TokenChecker
  private readonly replays: Replays
  private readonly maxDriftMs: number
  private accepted = 0
  private readonly refused: Partial<Record<GuardReason, number>> = {}

  constructor(private readonly options: GuardOptions) {
    const { epochs = UNIX_SECONDS, nowMs = Date.now } = options
    const { maxDriftMs = DEFAULT_DRIFT_MS, maxRemembered = DEFAULT_REMEMBERED } = options
    this.audience = options.audience
    this.maxDriftMs = maxDriftMs
    this.checker = new TokenChecker(options)
    this.clock = new EpochClock(epochs, nowMs)
    // From the earliest instant at which it passes to the latest.
    this.replays = new Replays(maxRemembered, 2 * maxDriftMs + epochs.lengthMs)
  }

  /** Whether a request may be served. `presented`: what it shows, or why that cannot be read. Never throws. */
  check(presented: Presented | Fault, use: GuardedUse): GuardVerdict {
    return this.settle(this.decide(presented, use))
  }

  /**
   * As `check`, where more must arrive before all is known, such as a body. `rest` says what is wrong with that; null: nothing.
   * It is called only once all else holds, so what strangers send need not be read. Rejects only as `rest` does.
   */
  async checkBeforeRest<Shown extends Presented>(
    presented: Shown | Fault,
    use: GuardedUse,
    rest: (presented: Shown) => Promise<Fault | null>,
  ): Promise<GuardVerdict> {
    const verdict = this.decide(presented, use)
    if (!verdict.isGood || 'reason' in presented) {
      return this.settle(verdict)
    }
    return this.settle((await rest(presented)) ?? this.decideAgain(presented, use))
  }

  /** Counts and tells a refusal as `check` does, where there is nothing to check. */
  refuse(refusal: Fault): Fault {
    const { reason } = refusal
    this.refused[reason] = (this.refused[reason] ?? 0) + 1
    this.options.onDecision?.(reason)
    return refusal
  }

  get counts(): GuardCounts {
    const { accepted, refused, replays } = this
    return { accepted, refused: { ...refused }, remembered: replays.size, staleMs: this.staleMs() }
  }

  private staleMs(): number {
    const { endings } = this.options
    if (endings === 'not-watched') {
      return 0
    }
    const { verifiedAtMs } = endings
    return verifiedAtMs === null
      ? Number.POSITIVE_INFINITY
      : // In the future: the clock was set back, and nobody knows how old that is.
        Math.abs(this.clock.nowMs() - verifiedAtMs)
  }

  private staleFault(): Fault | null {
    const { whenStale = 'refuse', maxStaleMs = DEFAULT_STALE_MS } = this.options
    const staleMs = this.staleMs()
    // Where nothing was known yet, there is nothing to go on by.
    const isEverKnown = staleMs < Number.POSITIVE_INFINITY
    return isEverKnown && (whenStale === 'accept' || staleMs <= maxStaleMs)
      ? null
      : fault('ENDINGS_STALE', 'it is not known at the moment which sessions have ended')
  }

  private settle(verdict: GuardVerdict): GuardVerdict {
    if (!verdict.isGood) {
      return this.refuse(verdict)
    }
    this.accepted++
    this.options.onDecision?.(null)
    return verdict
  }

  private decide(presented: Presented | Fault, use: GuardedUse): GuardVerdict {
    return 'reason' in presented ? presented : (this.staleFault() ?? this.decideNow(presented, use))
  }

  /** Of a request that was good but for its rest: whether it still is. */
  private decideAgain({ token }: Presented, use: GuardedUse): GuardVerdict {
    const now = { ...use, epoch: this.clock.now(), proof: 'not-asked' } as const
    const verdict = this.checker.check(token, now)
    return verdict.isGood
      ? (this.staleFault() ?? this.endedFault(verdict.token) ?? verdict)
      : verdict
  }

  private decideNow({ token: bytes, proof }: Presented, use: GuardedUse): GuardVerdict {
    const nowMs = this.clock.nowMs()
    const untilMs = proof.toMs + this.maxDriftMs
    if (nowMs < proof.fromMs - this.maxDriftMs || nowMs >= untilMs) {
      const awayMs = Math.round(nowMs - proof.fromMs)
      return fault('PROOF_TIME', `the proof was made ${awayMs} ms ago by this clock`)
    }
    const verdict = this.checker.check(bytes, { ...use, epoch: this.clock.now(), proof })
    if (!verdict.isGood) {
      return verdict
    }
    const { token } = verdict
    if (!proof.fits(token.sessionKey)) {
      return fault('BAD_PROOF', 'the proof names another key than the token, or is not whole')
    }
    return this.endedFault(token) ?? this.replayFault(token, proof.nonce, untilMs, nowMs) ?? verdict
  }

  private endedFault({ id }: SessionToken): Fault | null {
    const { endings } = this.options
    return endings !== 'not-watched' && endings.isEnded(id)
      ? fault('ENDED', 'the session has ended')
      : null
  }

  /** Last of all: whoever does not have the session key cannot use up what is remembered. */
  private replayFault(
    { sessionKey }: SessionToken,
    nonce: string,
    untilMs: number,
    nowMs: number,
  ): Fault | null {
    // Not by id: a token may name any.
    switch (this.replays.add(sessionKey, nonce, untilMs, nowMs)) {
      case 'again':
        return fault('REPLAYED', 'the same proof came before')
      case 'full':
        return fault('TOO_MANY_REQUESTS', 'no more proofs can be remembered now')
      default:
        return null
    }
  }
}

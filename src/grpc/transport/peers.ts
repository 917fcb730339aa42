import { LRUCache } from 'lru-cache'
import type { GrpcLimits } from '../../config/grpc-limits.js'
import { peerAddress } from '../../net/peer-address.js'
import { TokenBucket } from './token-bucket.js'

/** About 300 bytes each. Beyond that the least recently seen peer is forgotten. */
const MAX_PEERS = 20_000
const BURST_SECONDS = 5
/** A bar lasts twice as long as the one before, unless the peer behaved for as long as the longest bar. */
const FIRST_BAR_MS = 10_000
const LONGEST_BAR_MS = 320_000
/**
 * A peer may send so many bytes that serve no call: at once what this many half-sent messages of full length take, and
 * then so many bytes a second, which is some 15,000 pings.
 */
const WASTE_BURST_MESSAGES = 16
const LEAST_WASTE_BURST_BYTES = 2 * 1024 * 1024
const WASTE_BYTES_PER_SECOND = 256 * 1024

export type PeerLimits = Pick<
  GrpcLimits,
  'maxMessageBytes' | 'peerCallsPerSecond' | 'peerFailuresPerSecond'
>

/** All connections from one address. For IPv6 that is one network of 64 bits, since one host may own it. */
export class Peer {
  #barMs = 0
  #barEndsAtMs = Number.NEGATIVE_INFINITY
  readonly #calls: TokenBucket | null
  readonly #failures: TokenBucket | null
  readonly #waste: TokenBucket

  constructor(
    readonly address: string,
    limits: PeerLimits,
    private readonly nowMs: () => number,
    private readonly onBarred: (peer: Peer) => void,
  ) {
    const bucket = (perSecond: number) =>
      perSecond === 0 ? null : new TokenBucket(perSecond, BURST_SECONDS * perSecond, nowMs())
    this.#calls = bucket(limits.peerCallsPerSecond)
    this.#failures = bucket(limits.peerFailuresPerSecond)
    this.#waste = new TokenBucket(
      WASTE_BYTES_PER_SECOND,
      Math.max(LEAST_WASTE_BURST_BYTES, WASTE_BURST_MESSAGES * limits.maxMessageBytes),
      nowMs(),
    )
  }

  get isBarred(): boolean {
    return this.nowMs() < this.#barEndsAtMs
  }

  /** Whether one more call may be made. */
  takeCall(): boolean {
    return this.#calls?.take(1, this.nowMs()) ?? true
  }

  /** Whether it failed so often that its calls are refused unread. */
  get failsTooOften(): boolean {
    return !(this.#failures?.has(1, this.nowMs()) ?? true)
  }

  /** A call did not prove who makes it. A weight of 1 is one that had its signatures checked. */
  countFailure(weight: number): void {
    this.#failures?.drain(weight, this.nowMs())
  }

  /** Counts bytes that served no call; a negative number gives back bytes that served one after all. */
  waste(bytes: number): void {
    if (bytes <= 0) {
      this.#waste.giveBack(-bytes)
    } else if (!this.#waste.take(bytes, this.nowMs()) && !this.isBarred) {
      this.bar()
      this.onBarred(this)
    }
  }

  /** Accepts no new connections from it for a while. */
  bar(): void {
    const nowMs = this.nowMs()
    const isFirst = nowMs - this.#barEndsAtMs > LONGEST_BAR_MS
    this.#barMs = isFirst ? FIRST_BAR_MS : Math.min(2 * this.#barMs, LONGEST_BAR_MS)
    this.#barEndsAtMs = nowMs + this.#barMs
  }
}

/** The peers seen recently. */
export class Peers {
  readonly #peers = new LRUCache<string, Peer>({ max: MAX_PEERS })

  constructor(
    private readonly limits: PeerLimits,
    private readonly nowMs: () => number,
    /** Called when a peer has wasted too much, once for each bar. */
    private readonly onBarred: (peer: Peer) => void,
  ) {}

  /** `remoteAddress` as a socket has it. */
  of(remoteAddress: string): Peer {
    const address = peerAddress(remoteAddress)
    let peer = this.#peers.get(address)
    if (peer === undefined) {
      peer = new Peer(address, this.limits, this.nowMs, this.onBarred)
      this.#peers.set(address, peer)
    }
    return peer
  }
}

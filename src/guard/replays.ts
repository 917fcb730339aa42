/** How many proofs of one session key may be remembered: a share of all, so that it cannot take the room of others. */
const SHARE_OF_A_KEY = 1 / 8

/** The nonces of one stretch of time, by session key. */
interface Stretch {
  /** When the last of them may be forgotten. */
  readonly endsAtMs: number
  readonly byKey: Map<string, Set<string>>
  size: number
}

/**
 * Remembers the nonces of proofs until nobody would accept these any more. Its memory is bounded: where there is no room, it
 * says so, and forgets nothing. A nonce takes 100 to 450 bytes.
 */
export class Replays {
  /** The one that ends last comes last. Two or three at a time. */
  private stretches: Stretch[] = []
  private count = 0

  /** `stretchMs`: how long a proof is good at most. */
  constructor(
    private readonly max: number,
    private readonly stretchMs: number,
  ) {}

  /** How many are remembered. */
  get size(): number {
    return this.count
  }

  /** Remembers a nonce of a session key until this instant. `again`: it is remembered already. `full`: there is no room. */
  add(key: string, nonce: string, untilMs: number, nowMs: number): 'new' | 'again' | 'full' {
    this.forget(nowMs)
    let ofKey = 0
    for (const { byKey } of this.stretches) {
      const nonces = byKey.get(key)
      if (nonces?.has(nonce)) {
        return 'again'
      }
      ofKey += nonces?.size ?? 0
    }
    if (this.count >= this.max || ofKey >= Math.ceil(this.max * SHARE_OF_A_KEY)) {
      return 'full'
    }
    const stretch = this.stretchOf(untilMs)
    const nonces = stretch.byKey.get(key)
    if (nonces === undefined) {
      stretch.byKey.set(key, new Set([nonce]))
    } else {
      nonces.add(nonce)
    }
    stretch.size++
    this.count++
    return 'new'
  }

  private stretchOf(untilMs: number): Stretch {
    const endsAtMs = (Math.floor(untilMs / this.stretchMs) + 1) * this.stretchMs
    let stretch = this.stretches.find((one) => one.endsAtMs === endsAtMs)
    if (stretch === undefined) {
      stretch = { endsAtMs, byKey: new Map(), size: 0 }
      this.stretches.push(stretch)
    }
    return stretch
  }

  /** Forgets whole stretches: that takes no time, however many nonces they have. */
  private forget(nowMs: number): void {
    for (const { endsAtMs, size } of this.stretches) {
      this.count -= endsAtMs <= nowMs ? size : 0
    }
    if (this.stretches.some(({ endsAtMs }) => endsAtMs <= nowMs)) {
      this.stretches = this.stretches.filter(({ endsAtMs }) => endsAtMs > nowMs)
    }
  }
}

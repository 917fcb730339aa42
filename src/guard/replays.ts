import { sha256 } from '@noble/hashes/sha2.js'

/** How many proofs of one session key may be remembered: a share of all, so that it cannot take the room of others. */
const SHARE_OF_A_KEY = 1 / 8

/** Enough that nobody finds two proofs with the same name. */
const NAME_BYTES = 16

/** The proofs of one stretch of time. */
interface Stretch {
  /** When the last of them may be forgotten. */
  readonly endsAtMs: number
  readonly names: Set<string>
  /** How many there are of each session key. */
  readonly ofKey: Map<string, number>
}

/**
 * Remembers proofs until nobody would accept these any more. Its memory is bounded: where there is no room, it says so, and
 * forgets nothing. A proof takes 60 bytes, or 120 with the first of its key.
 */
export class Replays {
  /** The one that ends last comes last. Two or three at a time. */
  private stretches: Stretch[] = []

  /** `stretchMs`: how long a proof is good at most. */
  constructor(
    private readonly max: number,
    private readonly stretchMs: number,
  ) {}

  /** How many are remembered. */
  get size(): number {
    return this.stretches.reduce((sum, { names }) => sum + names.size, 0)
  }

  /** Remembers a nonce of a session key until this instant. `again`: it is remembered already. `full`: there is no room. */
  add(key: Uint8Array, nonce: string, untilMs: number, nowMs: number): 'new' | 'again' | 'full' {
    this.forget(nowMs)
    const name = nameOf(key, Buffer.from(nonce))
    if (this.stretches.some(({ names }) => names.has(name))) {
      return 'again'
    }
    const keyName = nameOf(key)
    const ofKey = this.stretches.reduce((sum, one) => sum + (one.ofKey.get(keyName) ?? 0), 0)
    if (this.size >= this.max || ofKey >= Math.ceil(this.max * SHARE_OF_A_KEY)) {
      return 'full'
    }
    const stretch = this.stretchOf(untilMs)
    stretch.names.add(name)
    stretch.ofKey.set(keyName, (stretch.ofKey.get(keyName) ?? 0) + 1)
    return 'new'
  }

  private stretchOf(untilMs: number): Stretch {
    const endsAtMs = (Math.floor(untilMs / this.stretchMs) + 1) * this.stretchMs
    let stretch = this.stretches.find((one) => one.endsAtMs === endsAtMs)
    if (stretch === undefined) {
      stretch = { endsAtMs, names: new Set(), ofKey: new Map() }
      this.stretches.push(stretch)
    }
    return stretch
  }

  /** Forgets whole stretches: that takes no time, however many proofs they have. */
  private forget(nowMs: number): void {
    if (this.stretches.some(({ endsAtMs }) => endsAtMs <= nowMs)) {
      this.stretches = this.stretches.filter(({ endsAtMs }) => endsAtMs > nowMs)
    }
  }
}

/** The same length, however long what is named is. */
function nameOf(...parts: Uint8Array[]): string {
  return Buffer.from(sha256(Buffer.concat(parts)).subarray(0, NAME_BYTES)).toString('latin1')
}

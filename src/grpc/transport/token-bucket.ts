/** Tokens flow in at a steady rate, up to a burst. Whoever takes more than there are is refused. */
export class TokenBucket {
  #tokens: number
  #filledAtMs: number

  constructor(
    private readonly perSecond: number,
    private readonly burst: number,
    nowMs: number,
  ) {
    this.#tokens = burst
    this.#filledAtMs = nowMs
  }

  /** Takes `count` tokens if there are so many. Returns whether there were. */
  take(count: number, nowMs: number): boolean {
    if (!this.has(count, nowMs)) {
      return false
    }
    this.#tokens -= count
    return true
  }

  has(count: number, nowMs: number): boolean {
    // A clock that was set back fills nothing, and takes nothing away.
    const elapsedMs = Math.max(0, nowMs - this.#filledAtMs)
    this.#tokens = Math.min(this.burst, this.#tokens + (elapsedMs * this.perSecond) / 1000)
    this.#filledAtMs = nowMs
    return this.#tokens >= count
  }

  /** Takes `count`, or what there is. */
  drain(count: number, nowMs: number): void {
    this.has(0, nowMs)
    this.#tokens = Math.max(0, this.#tokens - count)
  }

  /** Returns tokens. Those beyond the burst are lost at the next call. */
  giveBack(count: number): void {
    this.#tokens += count
  }
}

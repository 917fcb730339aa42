/** Fills steadily, up to a burst; what is taken out must first have flowed in. */
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

  /** Takes `count` where there are so many, and says whether there were. */
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

  /** What is too much for the burst is lost when it is next looked at. */
  giveBack(count: number): void {
    this.#tokens += count
  }
}

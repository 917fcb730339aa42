/**
 * How fast a difference between the clocks is forgotten, per millisecond: corrections of a few seconds a month must
 * not add up, but a jump must be remembered for hours.
 */
const FORGIVEN_RATE = 1 / 1000

export interface ClockGuardOptions {
  /** The wall clock: Unix time in milliseconds. */
  readonly wallNowMs: () => number
  /** A clock that nobody can set, in milliseconds since any moment. */
  readonly monotonicNowMs: () => number
  /** How far the wall clock may move against the monotonic one. */
  readonly maxDriftMs: number
  /** The latest time known from before the start, in Unix time. A wall clock too far behind it starts as suspect. */
  readonly latestKnownAtMs?: number
  /** Called once for each change. */
  readonly onChange?: (isSuspect: boolean, offsetMs: number) => void
}

/**
 * Suspects the wall clock when it moves too far against the monotonic clock: somebody set it, or the machine slept, and
 * nobody knows which time was right. It stays suspect until both clocks agree again, or an operator confirms it.
 */
export class ClockGuard {
  /** Wall minus monotonic clock, when they last agreed. */
  private agreedOffsetMs: number
  /** When `agreedOffsetMs` last moved, by the monotonic clock. */
  private comparedAtMs: number
  private wasSuspect = false

  constructor(private readonly options: ClockGuardOptions) {
    const { latestKnownAtMs = Number.NEGATIVE_INFINITY, wallNowMs, maxDriftMs } = options
    this.comparedAtMs = options.monotonicNowMs()
    const nowMs = wallNowMs()
    this.agreedOffsetMs =
      (latestKnownAtMs - nowMs > maxDriftMs ? latestKnownAtMs : nowMs) - this.comparedAtMs
  }

  /** How far the wall clock is ahead of the expected time. */
  offsetMs(): number {
    return this.options.wallNowMs() - this.options.monotonicNowMs() - this.agreedOffsetMs
  }

  /** Compares both clocks. */
  isSuspect(): boolean {
    const offsetMs = this.offsetMs()
    const isSuspect = Math.abs(offsetMs) > this.options.maxDriftMs
    const nowMs = this.options.monotonicNowMs()
    if (!isSuspect) {
      const forgivenMs = (nowMs - this.comparedAtMs) * FORGIVEN_RATE
      this.agreedOffsetMs += Math.max(-forgivenMs, Math.min(offsetMs, forgivenMs))
    }
    this.comparedAtMs = nowMs
    if (isSuspect !== this.wasSuspect) {
      this.wasSuspect = isSuspect
      this.options.onChange?.(isSuspect, offsetMs)
    }
    return isSuspect
  }

  /** Accepts the wall clock as it is now. Returns the accepted offset in milliseconds. */
  confirm(): number {
    const offsetMs = this.offsetMs()
    this.agreedOffsetMs += offsetMs
    this.isSuspect()
    return offsetMs
  }
}

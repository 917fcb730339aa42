/**
 * How much of a difference between the clocks is forgiven, per millisecond that passes: a few
 * seconds that are set in a month must not add up, a jump must not be forgotten within hours.
 */
const FORGIVEN_RATE = 1 / 1000

export interface ClockGuardOptions {
  /** The wall clock: Unix time in milliseconds. */
  readonly wallMs: () => number
  /** Milliseconds since any moment, by a clock that nobody sets. */
  readonly monotonicMs: () => number
  /** By how much the wall clock may move against the monotonic one. */
  readonly maxDriftMs: number
  /**
   * The latest time that was written down before, in Unix time: a wall clock that is further behind it
   * than may be is suspect from the start.
   */
  readonly latestKnownAtMs?: number
  /** Told once of each change. */
  readonly onChange?: (isSuspect: boolean, offsetMs: number) => void
}

/**
 * Whether the wall clock can be believed: when it has moved against the monotonic clock by more than it may,
 * somebody has set it, or the machine was asleep, and nobody knows which of its times was right. It is
 * then suspect until both agree again or someone who can look at another clock confirms it.
 */
export class ClockGuard {
  /** Wall minus monotonic, as they were last held to agree. */
  private agreedOffsetMs: number
  /** When `agreedOffsetMs` was last moved; monotonic. */
  private comparedAtMs: number
  private wasSuspect = false

  constructor(private readonly options: ClockGuardOptions) {
    const { latestKnownAtMs = Number.NEGATIVE_INFINITY, wallMs, maxDriftMs } = options
    this.comparedAtMs = options.monotonicMs()
    const nowMs = wallMs()
    this.agreedOffsetMs =
      (latestKnownAtMs - nowMs > maxDriftMs ? latestKnownAtMs : nowMs) - this.comparedAtMs
  }

  /** How far the wall clock is ahead of where it was expected. */
  offsetMs(): number {
    return this.options.wallMs() - this.options.monotonicMs() - this.agreedOffsetMs
  }

  /** Looks at both clocks. */
  isSuspect(): boolean {
    const offsetMs = this.offsetMs()
    const isSuspect = Math.abs(offsetMs) > this.options.maxDriftMs
    const nowMs = this.options.monotonicMs()
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

  /** Takes the wall clock to be right as it is now. Returns the offset that was accepted, in milliseconds. */
  confirm(): number {
    const offsetMs = this.offsetMs()
    this.agreedOffsetMs += offsetMs
    this.isSuspect()
    return offsetMs
  }
}

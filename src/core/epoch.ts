/** How time is counted: `epoch = floor((now − genesis) / length)`. Milliseconds. */
export interface EpochSettings {
  /** Unix time at which epoch 0 began. */
  readonly genesisMs: number
  readonly lengthMs: number
}

/**
 * Epochs by the wall clock. With the defaults (genesis at the Unix epoch, one second long) an epoch
 * is a NumericDate of RFC 7519 section 2.
 */
export class EpochClock {
  /**
   * While `isSuspect` says that the wall clock cannot be believed, nothing is past its deadline: what was
   * ended cannot be brought back.
   */
  constructor(
    readonly settings: EpochSettings,
    readonly nowMs: () => number,
    readonly isSuspect: () => boolean = () => false,
  ) {}

  now(): bigint {
    const { genesisMs, lengthMs } = this.settings
    return BigInt(Math.floor((this.nowMs() - genesisMs) / lengthMs))
  }

  /** The first millisecond after `epoch`, in Unix time; capped at the largest safe integer. */
  endsAtMs(epoch: bigint): number {
    const { genesisMs, lengthMs } = this.settings
    const end = BigInt(genesisMs) + (epoch + 1n) * BigInt(lengthMs)
    return end < BigInt(Number.MAX_SAFE_INTEGER) ? Number(end) : Number.MAX_SAFE_INTEGER
  }

  /** The least number of epochs that `durationMs` fits in. */
  epochsIn(durationMs: number): bigint {
    return BigInt(Math.ceil(durationMs / this.settings.lengthMs))
  }
}

/** How epochs are counted: `epoch = floor((now − genesis) / length)`. Milliseconds. */
export interface EpochSettings {
  /** When epoch 0 began, in Unix time. */
  readonly genesisAtMs: number
  readonly lengthMs: number
}

/** As servers count by default. */
export const UNIX_SECONDS: EpochSettings = { genesisAtMs: 0, lengthMs: 1000 }

/**
 * Epochs by the wall clock. By default they are Unix seconds, so an epoch is a NumericDate (RFC 7519 section 2).
 */
export class EpochClock {
  /** `isSuspect`: whether the wall clock may be wrong. Then no session ends: ending cannot be undone. */
  constructor(
    readonly settings: EpochSettings,
    readonly nowMs: () => number,
    readonly isSuspect: () => boolean = () => false,
  ) {}

  now(): bigint {
    const { genesisAtMs, lengthMs } = this.settings
    return BigInt(Math.floor((this.nowMs() - genesisAtMs) / lengthMs))
  }

  /** The first millisecond after `epoch`, in Unix time. At most the largest safe integer. */
  endsAtMs(epoch: bigint): number {
    return epochEndsAtMs(epoch, this.settings)
  }

  /** How many epochs a duration takes, rounded up. */
  epochsIn(durationMs: number): bigint {
    return BigInt(Math.ceil(durationMs / this.settings.lengthMs))
  }
}

/** `EpochClock.endsAtMs`, without a clock. */
export function epochEndsAtMs(epoch: bigint, { genesisAtMs, lengthMs }: EpochSettings): number {
  const end = BigInt(genesisAtMs) + (epoch + 1n) * BigInt(lengthMs)
  return end < BigInt(Number.MAX_SAFE_INTEGER) ? Number(end) : Number.MAX_SAFE_INTEGER
}

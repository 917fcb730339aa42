import { StoreMismatchError } from '../../core/errors.js'
import type { StoreHealth, StoreHooks } from '../engine.js'
import type { Cluster } from './connection/cluster.js'

const PROBE_MS = 1000

/**
 * Whether the engine takes writes, tried once a second on every master by a write that changes nothing. It must be
 * acknowledged as every other one.
 */
export class WriteHealth {
  /** By master: why it did not take the last write that was tried. */
  private readonly failures = new Map<string, unknown>()
  private masters: ReadonlySet<string> = new Set()
  /** A node became a master, and what it is set to is not known yet, or would lose sessions. */
  private isUnproven = false
  /** What of its settings would lose sessions, in one line. */
  private unsafe: string | null = null
  private readonly timer: NodeJS.Timeout
  private isProbing = false
  private isClosed = false
  private onServing: (isServing: boolean) => void = () => {}

  /**
   * `confirm`: resolves once such a write is acknowledged in a shard. `expectSafe`: throws StoreMismatchError where a master is
   * set up so that it would lose sessions; at the start, all were looked at.
   */
  constructor(
    private readonly cluster: Pick<Cluster, 'shards' | 'masterOf'>,
    private readonly confirm: (shard: number) => Promise<void>,
    private readonly hooks: Pick<StoreHooks, 'onFailure' | 'onRecovery'>,
    private readonly expectSafe: () => Promise<void> = async () => {},
  ) {
    this.timer = setInterval(() => void this.probe(), PROBE_MS).unref()
  }

  /** Whether any master takes writes: others may still serve the sessions of one that does not. */
  get isWritable(): boolean {
    return this.masters.size === 0 || this.failures.size < this.masters.size
  }

  get report(): StoreHealth {
    const findings = [...this.failures.keys()].map(
      (master) => `the engine at ${master} takes no writes`,
    )
    return {
      isLost: false,
      findings: [...findings, ...(this.unsafe === null ? [] : [this.unsafe])],
    }
  }

  watch(onServing: (isServing: boolean) => void): void {
    this.onServing = onServing
  }

  close(): void {
    this.isClosed = true
    clearInterval(this.timer)
  }

  /** Tries every master. It runs by itself. */
  async probe(): Promise<void> {
    if (this.isProbing) {
      return
    }
    this.isProbing = true
    const wasWritable = this.isWritable
    const shards = this.shardsOfMasters()
    this.isUnproven ||=
      this.masters.size > 0 && [...shards.keys()].some((master) => !this.masters.has(master))
    this.masters = new Set(shards.keys())
    for (const master of this.failures.keys()) {
      if (!this.masters.has(master)) {
        this.failures.delete(master)
      }
    }
    await Promise.all([...shards].map(([master, shard]) => this.tryOne(master, shard)))
    await this.proveSettings()
    this.isProbing = false
    if (this.isWritable === wasWritable || this.isClosed) {
      return
    }
    if (this.isWritable) {
      this.hooks.onRecovery?.()
    } else {
      this.hooks.onFailure?.([...this.failures.values()][0])
    }
    this.onServing(this.isWritable)
  }

  /** Again and again until they are safe. */
  private async proveSettings(): Promise<void> {
    if (!this.isUnproven) {
      return
    }
    try {
      await this.expectSafe()
      this.isUnproven = false
      this.unsafe = null
    } catch (error) {
      this.unsafe = error instanceof StoreMismatchError ? error.message : this.unsafe
    }
  }

  /** A shard of each master. */
  private shardsOfMasters(): Map<string, number> {
    const shards = new Map<string, number>()
    for (let shard = 0; shard < this.cluster.shards; shard++) {
      shards.set(this.cluster.masterOf(shard) ?? 'an unknown address', shard)
    }
    return shards
  }

  private async tryOne(master: string, shard: number): Promise<void> {
    try {
      await this.confirm(shard)
      this.failures.delete(master)
    } catch (error) {
      this.failures.set(master, error)
    }
  }
}

import { randomBytes } from 'node:crypto'
import { StoreUnavailableError } from '../../../core/errors.js'
import type { Cluster } from '../connection/cluster.js'
import type { Shards } from '../layout/shards.js'

const LEASE_MS = 10_000
/** A lease that another server has is asked for again after this time, or up to twice as long. */
const RETRY_MS = 1000

/**
 * Which shards this server sweeps: those that it has a lease of. A lease is not renewed. When it ends, the first server that
 * asks gets the next, so the shards spread over the servers and move on when one dies. Two servers that sweep one shard do no
 * harm: each ending is decided on the record.
 */
export class Leases {
  private readonly name = randomBytes(8).toString('hex')
  /** By shard, on the monotonic clock. */
  private readonly heldUntilMs = new Map<number, number>()
  private readonly askAtMs = new Map<number, number>()

  constructor(
    private readonly cluster: Cluster,
    private readonly shards: Shards,
    private readonly nowMs = () => performance.now(),
  ) {}

  /** The shards whose lease this server has. Asks for those that are free. A shard that does not answer is left out. */
  async held(): Promise<number[]> {
    const nowMs = this.nowMs()
    const shards = [...this.shards]
    await Promise.all(
      shards.filter((shard) => this.isDue(shard, nowMs)).map((shard) => this.ask(shard)),
    )
    return shards.filter((shard) => (this.heldUntilMs.get(shard) ?? 0) > nowMs)
  }

  /** Leaves the shards to other servers at once. */
  async release(): Promise<void> {
    const nowMs = this.nowMs()
    const held = [...this.heldUntilMs].filter(([, untilMs]) => untilMs > nowMs)
    this.heldUntilMs.clear()
    const drops = held.map(([shard]) =>
      this.cluster.command(shard, [['DEL', this.shards.keysOf(shard).lease]]),
    )
    // Leases that cannot be dropped end by themselves.
    await Promise.allSettled(drops)
  }

  private isDue(shard: number, nowMs: number): boolean {
    return (this.heldUntilMs.get(shard) ?? 0) <= nowMs && (this.askAtMs.get(shard) ?? 0) <= nowMs
  }

  private async ask(shard: number): Promise<void> {
    const { lease } = this.shards.keysOf(shard)
    // Before the engine's own clock begins.
    const nowMs = this.nowMs()
    this.askAtMs.set(shard, nowMs + RETRY_MS * (1 + Math.random()))
    try {
      const set = ['SET', lease, this.name, 'NX', 'PX', `${LEASE_MS}`]
      const [reply] = await this.cluster.command(shard, [set])
      if (reply !== null) {
        this.heldUntilMs.set(shard, nowMs + LEASE_MS)
      }
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) {
        throw error
      }
    }
  }
}

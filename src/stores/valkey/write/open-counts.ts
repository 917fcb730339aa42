import { wholeNumberOf } from '../connection/reply.js'
import type { Functions } from '../functions/functions.js'
import type { Shards } from '../layout/shards.js'

/** How old the counts may be that inserts see. */
const MAX_AGE_MS = 1000

/** How many sessions are open: as the engine says, and for inserts as last seen. */
export class OpenCounts {
  private readonly counts: number[]
  private total = 0
  /** Sessions that inserts under way will open. */
  private opening = 0
  /** By shard, how many changes of its count this server began: a count that is read beside one may miss it. */
  private readonly begun: number[]
  private readonly ended: number[]
  private refreshedAtMs = Number.NEGATIVE_INFINITY
  private refreshing: Promise<void> | null = null

  constructor(
    private readonly shards: Shards,
    private readonly functions: Functions,
  ) {
    this.counts = Array.from(shards, () => 0)
    this.begun = Array.from(shards, () => 0)
    this.ended = Array.from(shards, () => 0)
  }

  /** What an insert sees. What other servers did within the last second may be missing; what this one does is not. */
  get lastSeen(): number {
    if (performance.now() - this.refreshedAtMs > MAX_AGE_MS) {
      // A shard that does not answer keeps its last count, and holds up no insert.
      this.refresh().catch(() => {})
    }
    return this.total + this.opening
  }

  /**
   * A commit begins that changes the number of open sessions by `delta`. Call what this returns when it has ended, with
   * whether it changed anything.
   */
  begin(shard: number, delta: number): (isCommitted: boolean) => void {
    const opening = Math.max(delta, 0)
    this.opening += opening
    this.begun[shard] = (this.begun[shard] as number) + 1
    return (isCommitted) => {
      this.opening -= opening
      this.ended[shard] = (this.ended[shard] as number) + 1
      if (isCommitted) {
        this.set(shard, (this.counts[shard] as number) + delta)
      }
    }
  }

  /** Asks every shard. Throws StoreUnavailableError if one does not answer. */
  refresh(): Promise<void> {
    this.refreshing ??= this.readAll().finally(() => {
      this.refreshing = null
    })
    return this.refreshing
  }

  /** The number now. Throws StoreUnavailableError. */
  async current(): Promise<number> {
    const counts = await Promise.all(Array.from(this.shards, (shard) => this.read(shard)))
    return counts.reduce((sum, count) => sum + count, 0)
  }

  private async readAll(): Promise<void> {
    this.refreshedAtMs = performance.now()
    const outcomes = await Promise.allSettled(
      Array.from(this.shards, async (shard) => {
        const changes = this.ended[shard]
        const count = await this.read(shard)
        if (this.begun[shard] === changes) {
          this.set(shard, count)
        }
      }),
    )
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')
    if (failed !== undefined) {
      throw failed.reason
    }
  }

  private set(shard: number, count: number): void {
    this.total += count - (this.counts[shard] as number)
    this.counts[shard] = count
  }

  private async read(shard: number): Promise<number> {
    const key = this.shards.keysOf(shard).list(true)
    const [count] = await this.functions.look(shard, [{ kind: 'count', key }])
    return wholeNumberOf(count)
  }
}

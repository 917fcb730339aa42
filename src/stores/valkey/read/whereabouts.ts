import { valueIn } from '../connection/reply.js'
import type { Functions } from '../functions/functions.js'
import type { Shards } from '../layout/shards.js'
import { pointerValue, readPointer } from '../layout/values.js'
import { newest } from '../newest.js'

const MAX_REMEMBERED = 65_536

/**
 * Finds the shard of a session by its id. Most ids name it. Of the others, which come from elsewhere, a pointer does. It is
 * written before the session, and stays until the last deadline of the session is settled.
 */
export class Whereabouts {
  /** Shards of sessions whose ids do not name them. */
  private readonly remembered = newest<number>(MAX_REMEMBERED)

  constructor(
    private readonly shards: Shards,
    private readonly functions: Functions,
  ) {}

  /** What `read` finds in the first shard where it finds anything. */
  async find<T>(
    id: string,
    read: (shard: number) => Promise<T | undefined>,
  ): Promise<T | undefined> {
    const tried: number[] = []
    const attempt = async (shard: number | undefined) => {
      if (shard === undefined || tried.includes(shard)) {
        return undefined
      }
      tried.push(shard)
      return read(shard)
    }
    return (
      (await attempt(this.remembered.get(id))) ??
      (await attempt(this.shards.namedBy(id))) ??
      (await attempt(await this.pointedTo(id)))
    )
  }

  /** Where a session should be, without asking. undefined: its id does not say, and it was never met. */
  likely(id: string): number | undefined {
    return this.remembered.get(id) ?? this.shards.namedBy(id)
  }

  /** What lies in this shard was met there, such as a deadline. */
  met(id: string, shard: number): void {
    if (this.shards.namedBy(id) !== shard) {
      this.remembered.set(id, shard)
    }
  }

  /** Call it before a session whose id does not name its shard is written there. */
  async point(id: string, shard: number): Promise<void> {
    const at = this.shards.ofPointer(id)
    const key = this.shards.keysOf(at).pointer(id)
    await this.functions.commit(at, [], [['SET', key, pointerValue(key, shard)]])
    this.remembered.set(id, shard)
  }

  /** Nothing of this id is left. */
  async unpoint(id: string, shard: number): Promise<void> {
    if (this.shards.namedBy(id) !== shard) {
      const at = this.shards.ofPointer(id)
      const key = this.shards.keysOf(at).pointer(id)
      const brief = pointerValue(key, shard)
      await this.functions.commit(at, [{ kind: 'value', key, brief }], [['DEL', key]])
    }
  }

  private async pointedTo(id: string): Promise<number | undefined> {
    const at = this.shards.ofPointer(id)
    const key = this.shards.keysOf(at).pointer(id)
    const [reply] = await this.functions.look(at, [{ kind: 'value', key }])
    const stored = valueIn(reply)
    if (stored === undefined) {
      return undefined
    }
    const shard = readPointer(key, id, stored, this.shards.count)
    this.met(id, shard)
    return shard
  }
}

import type { Cluster } from '../connection/cluster.js'
import { bytesOf, itemsOf, wholeNumberOf } from '../connection/reply.js'
import { FILLING_KEY, shardOfKey } from '../layout/keys.js'
import type { Shards } from '../layout/shards.js'

const SCAN_KEYS = 1000

/**
 * The keys of the store, by shard, in steps of bounded size and in no order; some may come twice. What is there from the
 * beginning to the end is among them, unless its slot moves meanwhile. Keys of others are left out.
 */
export async function* storeKeys(
  cluster: Cluster,
  shards: Shards,
): AsyncGenerator<ReadonlyMap<number, string[]>, void> {
  const masters = new Map<string | undefined, number>()
  for (const shard of shards) {
    masters.set(cluster.masterOf(shard), shard)
  }
  for (const shard of masters.values()) {
    let cursor = '0'
    do {
      const scan = ['SCAN', cursor, 'MATCH', '{sd:*', 'COUNT', `${SCAN_KEYS}`]
      const [next, found] = itemsOf((await cluster.command(shard, [scan]))[0])
      yield byShard(
        itemsOf(found).map((key) => bytesOf(key).toString()),
        shards.count,
      )
      cursor = bytesOf(next).toString()
    } while (cursor !== '0')
  }
}

/** Deletes every key of the store but the mark of what fills it. */
export async function deleteAll(cluster: Cluster, shards: Shards): Promise<void> {
  let deleted: number
  do {
    deleted = 0
    for await (const found of storeKeys(cluster, shards)) {
      const deletions = [...found].map(async ([shard, keys]) => {
        const doomed = keys.filter((key) => key !== FILLING_KEY && key !== shards.keysOf(0).lease)
        const unlinks = doomed.map((key) => ['UNLINK', key])
        const replies = await cluster.command(shard, unlinks)
        deleted += replies.reduce<number>((sum, reply) => sum + wholeNumberOf(reply), 0)
      })
      await Promise.all(deletions)
    }
    // Once more: keys of a slot that moved meanwhile were not met.
  } while (deleted > 0)
}

function byShard(keys: readonly string[], count: number): Map<number, string[]> {
  const found = new Map<number, string[]>()
  for (const key of keys) {
    const shard = shardOfKey(key)
    if (shard !== undefined && shard < count) {
      const keysOfShard = found.get(shard) ?? []
      keysOfShard.push(key)
      found.set(shard, keysOfShard)
    }
  }
  return found
}

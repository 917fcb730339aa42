import { crc32 } from 'node:zlib'
import { FREE_ID_BITS } from '../../../core/uuid.js'
import { shardTag } from '../connection/slots.js'
import { keysOf, type ShardKeys } from './keys.js'

export const DEFAULT_SHARDS = 256
/** As many as the bits of an id can name. */
export const MAX_SHARDS = 2 ** FREE_ID_BITS

const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4([0-9a-f]{3})-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/**
 * Which shard holds what. Everything of a user lies in one shard, so that one call of the engine changes all of it. An id
 * that the store had a say in names its shard: the 12 bits behind its version are those of the user's hash.
 */
export class Shards {
  private readonly keys: readonly ShardKeys[]

  /** `count`: a power of two up to MAX_SHARDS. It cannot change once there are sessions. */
  constructor(readonly count: number) {
    this.keys = Array.from({ length: count }, (_, shard) => keysOf(shardTag(shard)))
  }

  keysOf(shard: number): ShardKeys {
    return this.keys[shard] as ShardKeys
  }

  ofUser(userId: string): number {
    return idBitsOf(userId) % this.count
  }

  /** The shard that an id names; undefined if its form is not one that the store gives. */
  namedBy(id: string): number | undefined {
    const [, bits] = UUID_V4.exec(id) ?? []
    return bits === undefined ? undefined : Number.parseInt(bits, 16) % this.count
  }

  /** The shard of the pointer to a session whose id does not name its shard. */
  ofPointer(id: string): number {
    return crc32(id) % this.count
  }

  /** All shards, the first first. */
  *[Symbol.iterator](): Generator<number, void> {
    for (let shard = 0; shard < this.count; shard++) {
      yield shard
    }
  }
}

/** The bits of the ids of a user's sessions, of which the last ones are the shard. */
export function idBitsOf(userId: string): number {
  return crc32(userId) % MAX_SHARDS
}

/** Whether a store can have so many shards. */
export function isShardCount(count: number): boolean {
  return Number.isInteger(count) && count >= 1 && count <= MAX_SHARDS && (count & (count - 1)) === 0
}

import { bytesOf, itemsOf, type Reply } from '../connection/reply.js'
import type { ReadParts } from '../functions/functions.js'

/** An entry of a shard's stream: a session changed, and this is its version since. */
export interface StreamEvent {
  readonly id: string
  readonly version: Buffer
}

/** The last entry of a shard's stream; null: there is none. Throws StoreUnavailableError. */
export async function newestPlace(
  { functions, shards }: ReadParts,
  shard: number,
): Promise<string | null> {
  const last = ['XREVRANGE', shards.keysOf(shard).events, '+', '-', 'COUNT', '1']
  const [newest] = itemsOf((await functions.command(shard, [last]))[0])
  return newest === undefined ? null : placeOf(newest)
}

/** The first entries of a shard's stream from a place on; null: from the first on. Throws StoreUnavailableError. */
export async function entriesFrom(
  { functions, shards }: ReadParts,
  shard: number,
  place: string | null,
  limit: number,
): Promise<readonly Reply[]> {
  const range = ['XRANGE', shards.keysOf(shard).events, place ?? '-', '+', 'COUNT', `${limit}`]
  return itemsOf((await functions.command(shard, [range]))[0])
}

/** Whether a shard's stream still has every entry that it ever got. Throws StoreUnavailableError. */
export async function isUncut({ functions, shards }: ReadParts, shard: number): Promise<boolean> {
  const asked = ['XINFO', 'STREAM', shards.keysOf(shard).events]
  const info = itemsOf((await functions.command(shard, [asked]))[0])
  const field = (name: string) =>
    info[1 + info.findIndex((one) => Buffer.isBuffer(one) && one.toString() === name)]
  return field('length') === field('entries-added')
}

/** Where an entry stands in its stream. */
export function placeOf(entry: Reply | undefined): string {
  return bytesOf(itemsOf(entry)[0]).toString()
}

/** Throws StoreDamagedError for an entry that no function of ours made. */
export function eventOf(entry: Reply): StreamEvent {
  const [, id, , version] = itemsOf(itemsOf(entry)[1])
  return {
    id: bytesOf(id).toString(),
    // A copy: replies are slices of larger buffers.
    version: Buffer.from(bytesOf(version)),
  }
}

import { hash } from 'node:crypto'
import type { Session } from '../../../core/session.js'
import { shardTag } from '../connection/slots.js'

/*
 * Layout 4. Every key begins with the tag of its shard, such as {sd:017}. Behind the tag:
 *
 *   s:<id>            string       the record: its version, then the session
 *   k:<id>            string       the sealed private key, while the session is active
 *   t:open, t:ended   sorted set   the ids of all sessions, newest request first
 *   u:<user>:open, …  sorted set   the same by user
 *   c:<place>         sorted set   the open sessions that a command opened at a place, the newest first
 *   i:<user>          hash         idempotency entries, by signer and key
 *   d                 hash         endings of token sessions within their lifetimes, by id
 *   o                 sorted set   the ids of these, in the order of the endings; the empty id has the place of the last
 *   x                 sorted set   deadlines, the earliest first
 *   e                 stream       what changed lately
 *   l                 string       the server that sweeps the shard, for some seconds
 *   p:<id>            string       the shard of a session whose id does not name it
 *   w                 string       nothing: written where only the replicas' receipt counts
 *   m                 string       facts about the store, in the first shard alone
 *   g                 string       fingerprints of the servers' keys, in the first shard alone
 *   f                 string       there instead of m while a restore or migration fills the store
 *
 * Scores are Unix milliseconds, with a minus where the newest comes first; the engine sorts equal ones by the bytes of
 * the member. Those of `o` are microseconds of the engine's clock, each greater than all before. A user's sessions, entries and deadlines lie in the shard of the user. Every string, every field of a hash
 * and every deadline ends with a checksum (rows/checksum.ts). Ids in sorted sets have none: the record repeats what the
 * set says of it.
 */

export const LAYOUT_VERSION = 4

/** A place in 132 bits: addresses and clients are long, and every session would keep them twice. */
const PLACE_CHARS = 22

/** The keys of a shard. */
export const keysOf = (tag: string) => ({
  /** What every key of the shard begins with. */
  prefix: tag,
  /** What is before the id in the key of a record. */
  records: `${tag}s:`,
  record: (id: string) => `${tag}s:${id}`,
  seal: (id: string) => `${tag}k:${id}`,
  list: (active: boolean) => `${tag}t:${listName(active)}`,
  listOfUser: (userId: string, active: boolean) => `${tag}u:${userId}:${listName(active)}`,
  opened: (userId: string, address: string, client: string) =>
    `${tag}c:${placeName(userId, address, client)}`,
  entries: (userId: string) => `${tag}i:${userId}`,
  endings: `${tag}d`,
  endingOrder: `${tag}o`,
  deadlines: `${tag}x`,
  events: `${tag}e`,
  lease: `${tag}l`,
  mark: `${tag}w`,
  pointer: (id: string) => `${tag}p:${id}`,
})

export type ShardKeys = ReturnType<typeof keysOf>

/** The facts about the store. */
export const INFO_KEY = `${shardTag(0)}m`
/** What is not secret of the keys of the servers. */
export const SHARED_KEYS_KEY = `${shardTag(0)}g`
/** Instead of the facts: how far a restore or migration has come. */
export const FILLING_KEY = `${shardTag(0)}f`

/** The shard that a key belongs to; undefined if it is none of the store's. */
export function shardOfKey(key: string): number | undefined {
  const [, number] = /^\{sd:(\d{3,4})\}/.exec(key) ?? []
  return number === undefined ? undefined : Number(number)
}

/** The score of a session in the lists, or of an opened session at its place: the newest time first. */
export function newestFirst(timeMs: number): string {
  return `${-timeMs}`
}

/** Whether a command would find this session again at its place. */
export function isOpened(session: Session | null): boolean {
  return session?.active === true && session.token === null
}

function listName(active: boolean): 'open' | 'ended' {
  return active ? 'open' : 'ended'
}

function placeName(userId: string, address: string, client: string): string {
  // The lengths keep two places from having one name.
  const place = `${userId.length}:${userId}${address.length}:${address}${client}`
  return hash('sha256', place, 'base64url').slice(0, PLACE_CHARS)
}

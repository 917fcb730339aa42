import { LRUCache } from 'lru-cache'
import type { SessionChange } from '../../core/events.js'
import { isOpened, type ShardKeys } from './layout/keys.js'
import { newest } from './newest.js'

const MAX_RECORD_BYTES = 16 * 1024 * 1024
const ENTRY_BYTES = 200
const MAX_NAMES = 65_536

/** A record as it is stored, and where. */
export interface KnownRecord {
  readonly shard: number
  readonly stored: Buffer
}

/**
 * What this server saw last. Writes begin with it instead of a read. It may be out of date: the engine compares, and says
 * how it is.
 */
export class Known {
  private readonly records = new LRUCache<string, KnownRecord>({
    maxSize: MAX_RECORD_BYTES,
    sizeCalculation: ({ stored }) => stored.length + ENTRY_BYTES,
  })
  private readonly openOfUsers = newest<number>(MAX_NAMES)
  /** The newest session opened at a place, by the key of the place. */
  private readonly opened = newest<string>(MAX_NAMES)

  record(id: string): KnownRecord | undefined {
    return this.records.get(id)
  }

  read(id: string, record: KnownRecord): void {
    this.records.set(id, record)
  }

  forget(id: string): void {
    this.records.delete(id)
  }

  /** 0 unless another number is known. */
  openOfUser(userId: string): number {
    return this.openOfUsers.get(userId) ?? 0
  }

  countedOpen(userId: string, count: number): void {
    this.openOfUsers.set(userId, count)
  }

  openedAt(placeKey: string): string | undefined {
    return this.opened.get(placeKey)
  }

  /** undefined: nothing is open there. */
  foundOpened(placeKey: string, id: string | undefined): void {
    if (id === undefined) {
      this.opened.delete(placeKey)
    } else {
      this.opened.set(placeKey, id)
    }
  }

  /** A change was committed; or its outcome is unknown, if there is no `record`. */
  changed(keys: ShardKeys, { before, after }: SessionChange, record?: KnownRecord): void {
    const session = after ?? before
    if (session === null) {
      return
    }
    const { id, userId, address, client } = session
    if (record !== undefined && after !== null) {
      this.records.set(id, record)
    } else {
      this.records.delete(id)
    }
    const count = this.openOfUsers.get(userId)
    if (count !== undefined) {
      this.openOfUsers.set(userId, count + openDelta({ before, after }))
    }
    if (isOpened(before) !== isOpened(after)) {
      this.opened.delete(keys.opened(userId, address, client))
    }
  }
}

/** By how much a change alters the number of open sessions. */
export function openDelta({ before, after }: SessionChange): number {
  return Number(after?.active ?? false) - Number(before?.active ?? false)
}

import type { Session } from '../../../core/session.js'
import type { FoundEntry, InsertScope, Seen } from '../../../core/store.js'
import type { ByteLevel, Reading } from '../byte-level.js'
import { idAfterTime, openedKey, requestTimeRange, sealKey, sessionKey } from '../layout/keys.js'
import { isOpened, type OpenedRow, openedIds } from '../layout/opened.js'
import { checkedEntry, checkedSession } from '../layout/stored.js'
import type { Kept } from './kept-sessions.js'
import { firstKeys } from './scan.js'

export function readSession(level: ByteLevel, id: string, at: Reading = {}): Session | undefined {
  const key = sessionKey(id)
  const bytes = level.getSync(key, at)
  return bytes && checkedSession(key, bytes)
}

/** `SessionStore.get`. */
export function getSession(level: ByteLevel, id: string, kept: Kept): Session | undefined {
  const known = kept.get(id)
  if (known !== undefined) {
    return known
  }
  const session = readSession(level, id)
  if (session !== undefined) {
    kept.keep(session)
  }
  return session
}

/** `SessionStore.seal`. */
export function getSeal(level: ByteLevel, id: string): Uint8Array | undefined {
  const seal = level.getSync(sealKey(id))
  return seal && Uint8Array.from(seal)
}

/** `SessionStore.findOpened`. */
export async function findOpened(
  level: ByteLevel,
  userId: string,
  address: string,
  client: string,
): Promise<Session | undefined> {
  const snapshot = level.snapshot()
  try {
    const ids = openedIds(level.getSync(openedKey(userId, address, client), { snapshot }))
    for (const id of ids) {
      const session = readSession(level, id, { snapshot })
      if (isOpened(session)) {
        return session
      }
    }
    return undefined
  } finally {
    await snapshot.close()
  }
}

/** A `c` row. It changes only under its user's lock. */
export interface FoundRow extends OpenedRow {
  /** The session that `findOpened` would return. A single entry is trusted without reading its session. */
  readonly id: string | undefined
}

export function readOpenedRow(level: ByteLevel, place: OpenedRow['place']): FoundRow {
  const { userId, address, client } = place
  const key = openedKey(userId, address, client)
  const value = level.getSync(key)
  const ids = openedIds(value)
  // Nearly always there is one, and the caller reads it anyway once it holds its lock.
  const id = ids.length > 1 ? ids.find((one) => isOpened(readSession(level, one))) : ids[0]
  return { place, key, value, id }
}

/** The ids of a user's open sessions with the oldest requests, the oldest first. */
export async function oldestIds(
  level: ByteLevel,
  userId: string,
  limit: number,
): Promise<string[]> {
  const { timeOffset, ...range } = requestTimeRange({ userId }, true)
  const keys = await firstKeys(level, { ...range, limit, reverse: true })
  return keys.map((key) => idAfterTime(key, timeOffset))
}

/** What an insert may find. */
export interface FoundIds {
  /** The key of its idempotency entry; undefined: there is none. */
  readonly entryKey?: Buffer | undefined
  readonly opened?: FoundRow | undefined
  /** undefined: it did not ask for any. */
  readonly oldest?: readonly string[] | undefined
}

/** What `decide` sees, except for numbers. The caller holds the locks. `entries`: those that need no look. */
export function readSeen(
  level: ByteLevel,
  entries: { mayHold(key: Buffer): boolean },
  { userId }: InsertScope,
  ids: FoundIds,
): Pick<Seen, 'idempotency' | 'reusable' | 'oldest'> {
  const { entryKey } = ids
  const found = entryKey && entries.mayHold(entryKey) ? readEntry(level, entryKey) : undefined
  const reusableId = ids.opened?.id
  const reusable = reusableId === undefined ? undefined : readSession(level, reusableId)
  // The rows that led here have no checksum: what counts is the record.
  const oldest = ids.oldest
    ?.flatMap((id) => readSession(level, id) ?? [])
    .filter((session) => session.active && session.userId === userId)
  return {
    idempotency: found?.entry,
    reusable: isOpened(reusable) ? reusable : undefined,
    oldest,
  }
}

/** The idempotency entry with this key, and when it expires. The caller holds its lock. */
export function readEntry(
  level: ByteLevel,
  key: Buffer,
): { readonly entry: FoundEntry; readonly expiresTimeMs: number } | undefined {
  const bytes = level.getSync(key)
  if (bytes === undefined) {
    return undefined
  }
  const { bodySha256, sessionId, expiresTimeMs } = checkedEntry(bytes)
  const session = readSession(level, sessionId)
  return { entry: { bodySha256, sessionId, ...(session && { session }) }, expiresTimeMs }
}

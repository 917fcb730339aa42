import type { Session } from '../../../core/session.js'
import type { FoundEntry, IdempotencyScope, InsertScope, Seen } from '../../../core/store.js'
import type { ByteLevel, Reading } from '../byte-level.js'
import { entryKey, idAfterTime, openedKey, requestTimeRange, sessionKey } from '../layout/keys.js'
import { isOpened, openedIds } from '../layout/opened.js'
import { checkedSession, storedEntry } from '../layout/stored.js'
import type { Counts } from '../write/counts.js'
import { firstKeys } from './scan.js'

export function readSession(level: ByteLevel, id: string, at: Reading = {}): Session | undefined {
  const key = sessionKey(id)
  const bytes = level.getSync(key, at)
  return bytes && checkedSession(key, bytes)
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

/** The id of the session that `findOpened` would return. It trusts a single entry without reading its session. */
export function reusableId(
  level: ByteLevel,
  userId: string,
  { address, client }: NonNullable<InsertScope['reuse']>,
): string | undefined {
  const ids = openedIds(level.getSync(openedKey(userId, address, client)))
  // Nearly always there is one, and the caller reads it anyway once it holds its lock.
  return ids.length > 1 ? ids.find((id) => isOpened(readSession(level, id))) : ids[0]
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

/** The sessions that an insert may find. */
export interface FoundIds {
  readonly reusable?: string | undefined
  /** undefined: it did not ask for any. */
  readonly oldest?: readonly string[] | undefined
}

/** What `decide` sees, except `openInAll`. The caller holds the locks. */
export async function readSeen(
  level: ByteLevel,
  counts: Counts,
  { userId, idempotency, countOpenOfUser }: InsertScope,
  ids: FoundIds,
): Promise<Omit<Seen, 'openInAll'>> {
  const openOfUser = countOpenOfUser ? await counts.ofUser(level, userId) : 0
  const found = idempotency && readEntry(level, idempotency)
  const reusable = ids.reusable === undefined ? undefined : readSession(level, ids.reusable)
  const oldest = ids.oldest?.flatMap((id) => readSession(level, id) ?? [])
  return {
    openOfUser,
    ...(found && { idempotency: found.entry }),
    ...(reusable && isOpened(reusable) && { reusable }),
    ...(oldest && { oldest }),
  }
}

/** The entry of an idempotency key, and when it expires. The caller holds its lock. */
export function readEntry(
  level: ByteLevel,
  scope: IdempotencyScope,
): { readonly entry: FoundEntry; readonly expiresTimeMs: number } | undefined {
  const key = entryKey(scope)
  const bytes = level.getSync(key)
  if (bytes === undefined) {
    return undefined
  }
  const { bodySha256, sessionId, expiresTimeMs } = storedEntry(key, bytes).entry
  const session = readSession(level, sessionId)
  return { entry: { bodySha256, sessionId, ...(session && { session }) }, expiresTimeMs }
}

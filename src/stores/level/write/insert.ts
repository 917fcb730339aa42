import type { SessionChange } from '../../../core/events.js'
import type { Session } from '../../../core/session.js'
import type { Decision, InsertScope, Seen } from '../../../core/store.js'
import { sessionLock, userLock } from '../../locks.js'
import type { Database } from '../database.js'
import { entryKey } from '../layout/keys.js'
import { openedRows } from '../layout/opened.js'
import { changeRows, dueRows, insertRows } from '../layout/rows.js'
import { entryLock } from '../locks.js'
import { type FoundIds, type FoundRow, oldestIds, readOpenedRow, readSeen } from '../read/lookup.js'
import { armedRows } from './deadlines.js'
import type { StoreParts } from './writer.js'

/** `SessionStore.insert`. */
export function insertSession(
  parts: StoreParts,
  scope: InsertScope,
  decide: (seen: Seen) => Decision,
): Promise<Session> {
  const { userId, idempotency, reuse, oldest = 0 } = scope
  const outer = [userLock(userId)]
  const key = idempotency && entryKey(idempotency)
  if (key !== undefined) {
    outer.push(entryLock(key))
  }
  return parts.locks.hold(outer, async () => {
    for (;;) {
      const { reopenings } = parts.database
      const ids = { entryKey: key, reopenings }
      const inserted = await (reuse === undefined && oldest === 0
        ? insertLocked(parts, scope, ids, decide)
        : insertWithOthers(parts, scope, ids, decide))
      if (inserted !== undefined) {
        return inserted
      }
    }
  })
}

/** What was found, and the opening of the database in which it was. */
interface Found extends FoundIds {
  readonly reopenings: number
}

/** The user's lock keeps the sessions that the scope asks for open; their own locks keep them unchanged. undefined: look again. */
async function insertWithOthers(
  parts: StoreParts,
  scope: InsertScope,
  { entryKey, reopenings }: Found,
  decide: (seen: Seen) => Decision,
): Promise<Session | undefined> {
  const { database, locks } = parts
  const { userId, reuse, oldest = 0 } = scope
  const findOldest = () => database.read((level) => oldestIds(level, userId, oldest))
  const reading = reuse && readPlace(database, userId, reuse)
  const opened = reading instanceof Promise ? await reading : reading
  if (oldest === 0 && opened?.id === undefined) {
    return insertLocked(parts, scope, { entryKey, opened, reopenings }, decide)
  }
  const ids = { entryKey, opened, oldest: oldest === 0 ? undefined : await findOldest() }
  const held = new Set(ids.oldest)
  if (opened?.id !== undefined) {
    held.add(opened.id)
  }
  return locks.hold(Array.from(held, sessionLock), async () => {
    // A request that came before the locks may have made another session the oldest.
    const isCurrent = oldest === 0 || isSame(ids.oldest, await findOldest())
    return isCurrent ? insertLocked(parts, scope, { ...ids, reopenings }, decide) : undefined
  })
}

function readPlace(
  database: Database,
  userId: string,
  { address, client }: NonNullable<InsertScope['reuse']>,
): FoundRow | Promise<FoundRow> {
  return database.readNow((level) => readOpenedRow(level, { userId, address, client }))
}

function isSame(ids: readonly string[] = [], others: readonly string[] = []): boolean {
  return ids.length === others.length && ids.every((id, i) => id === others[i])
}

/** undefined: the database was reopened meanwhile. What was counted and found before may be otherwise now: look again. */
async function insertLocked(
  { database, counts, entries, writer }: StoreParts,
  scope: InsertScope,
  ids: Found,
  decide: (seen: Seen) => Decision,
): Promise<Session | undefined> {
  const { userId, countOpenOfUser } = scope
  const openOfUser = countOpenOfUser
    ? (counts.ofUser(userId) ?? (await database.read((level) => counts.countOfUser(level, userId))))
    : 0
  const reading = database.readNow((level) => readSeen(level, entries, scope, ids))
  const { idempotency, reusable, oldest } = reading instanceof Promise ? await reading : reading
  if (database.reopenings !== ids.reopenings) {
    return undefined
  }
  // No `await` from here to the write, so no other insert sees the same `openInAll`.
  const openInAll = counts.reserved
  const decision = decide({ openOfUser, openInAll, idempotency, reusable, oldest })
  if ('keep' in decision) {
    return decision.keep
  }
  if ('replace' in decision) {
    const { session: after, sweepAtMs } = decision.replace
    if (reusable === undefined || reusable.id !== after.id) {
      throw new TypeError('only the session to reuse can be replaced')
    }
    const change = { before: reusable, after }
    await writer.write([...changeRows(change), ...dueRows(after, sweepAtMs)], [change])
    return after
  }
  const { session: after } = decision.insert
  const changes: SessionChange[] = []
  const rows = insertRows(decision.insert, scope.idempotency)
  for (const update of decision.ends ?? []) {
    const change = { before: oldestOf(oldest, update.session), after: update.session }
    changes.push(change)
    rows.push(...changeRows(change), ...armedRows(database, update))
  }
  changes.push({ before: null, after })
  rows.push(...openedRows(changes, (key) => database.valueNow(key), ids.opened))
  await writer.write(rows, changes)
  return after
}

function oldestOf(oldest: readonly Session[] = [], { id }: Session): Session {
  const before = oldest.find((session) => session.id === id)
  if (before === undefined) {
    throw new TypeError('only the oldest sessions can end with an insert')
  }
  return before
}

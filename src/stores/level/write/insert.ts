import type { Session } from '../../../core/session.js'
import type { Decision, InsertScope, Seen } from '../../../core/store.js'
import { sessionLock, userLock } from '../../locks.js'
import { openedRows } from '../layout/opened.js'
import { changeRows, dueRows, insertRows } from '../layout/rows.js'
import { entryLock } from '../locks.js'
import { readSeen, reusableId } from '../read/lookup.js'
import type { StoreParts } from './writer.js'

/** `SessionStore.insert`. */
export function insertSession(
  parts: StoreParts,
  scope: InsertScope,
  decide: (seen: Seen) => Decision,
): Promise<Session> {
  const { database, locks } = parts
  const { userId, idempotency, reuse } = scope
  const outer = [userLock(userId)]
  if (idempotency !== undefined) {
    outer.push(entryLock(idempotency))
  }
  if (reuse === undefined) {
    return locks.hold(outer, () => insertLocked(parts, scope, undefined, decide))
  }
  return locks.hold(outer, async () => {
    // The user's lock keeps it open and the only one; its own lock keeps it unchanged.
    const id = await database.read((level) => reusableId(level, userId, reuse))
    return locks.hold(id === undefined ? [] : [sessionLock(id)], () =>
      insertLocked(parts, scope, id, decide),
    )
  })
}

async function insertLocked(
  { database, counts, writer }: StoreParts,
  scope: InsertScope,
  reuseId: string | undefined,
  decide: (seen: Seen) => Decision,
): Promise<Session> {
  const seen = await database.read((level) => readSeen(level, counts, scope, reuseId))
  // No `await` from here to the write, so no other insert sees the same `openInAll`.
  const decision = decide({ ...seen, openInAll: counts.reserved })
  if ('keep' in decision) {
    return decision.keep
  }
  if ('replace' in decision) {
    const { session: after, sweepAtMs } = decision.replace
    if (seen.reusable === undefined || seen.reusable.id !== after.id) {
      throw new TypeError('only the session to reuse can be replaced')
    }
    const change = { before: seen.reusable, after }
    await writer.write([...changeRows(change), ...dueRows(after, sweepAtMs)], change)
    return after
  }
  const after = decision.insert.session
  const change = { before: null, after }
  const rows = insertRows(decision.insert, scope.idempotency)
  rows.push(...openedRows(change, (key) => database.valueNow(key)))
  await writer.write(rows, change)
  return after
}

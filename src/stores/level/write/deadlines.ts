import type { Deadline, SessionDeadline, Update } from '../../../core/store.js'
import type { Database, Row } from '../database.js'
import { deadlineKey, entryKey, keyInDeadline } from '../layout/keys.js'
import { dueRows, mayShare } from '../layout/rows.js'
import { checkedEntry } from '../layout/stored.js'

/** The key of the entry or the ending that goes with a deadline; undefined if none does. */
export function entryKeyAt(
  database: Database,
  deadline: Deadline,
): Promise<Buffer | undefined> | Buffer {
  return deadline.kind === 'idempotency'
    ? entryKey(deadline.scope)
    : database.read((level) => keyInDeadline(level.getSync(deadlineKey(deadline))))
}

/** What settling a deadline writes. `key`: of what goes with it; the caller holds its lock. */
export async function settledRows(
  database: Database,
  deadline: Deadline,
  key: Buffer | undefined,
): Promise<Row[]> {
  const struck: Row = [deadlineKey(deadline), null]
  if (deadline.kind === 'ending') {
    return key === undefined ? [struck] : [struck, [key, null]]
  }
  const bytes = key && (await database.read((level) => level.getSync(key)))
  // The key may have been used again since, which moved its deadline.
  const isOver = bytes !== undefined && checkedEntry(bytes).expiresTimeMs <= deadline.timeMs
  return key !== undefined && isOver ? [struck, [key, null]] : [struck]
}

/** What arming an update's deadline writes. One that an entry shares stays as it is, unless this write settles it. */
export function armedRows(
  database: Database,
  { session, sweepAtMs }: Update,
  settles?: SessionDeadline,
): Row[] {
  const rows = dueRows(session, sweepAtMs)
  return mayShare(session) && sweepAtMs !== settles?.timeMs
    ? rows.filter(([key]) => keyInDeadline(database.valueNow(key)) === undefined)
    : rows
}

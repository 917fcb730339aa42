import type { Session } from '../../../core/session.js'
import type { RemoveOptions, Update, WriteOptions } from '../../../core/store.js'
import { sessionLock, userLock } from '../../locks.js'
import type { Row } from '../database.js'
import { openedRows } from '../layout/opened.js'
import { changeRows } from '../layout/rows.js'
import { entryLock } from '../locks.js'
import { readSession } from '../read/lookup.js'
import { openDelta } from './counts.js'
import { armedRows, entryKeyAt, settledRows } from './deadlines.js'
import type { StoreParts } from './writer.js'

/** `SessionStore.update`. */
export async function updateSession(
  parts: StoreParts,
  id: string,
  change: (current: Session) => Update | null,
  options: WriteOptions,
): Promise<Session | undefined> {
  const decide = (before: Session) => {
    const update = change(before)
    return (
      update && { after: update.session, rows: armedRows(parts.database, update, options.settles) }
    )
  }
  const { before, after } = await mutate(parts, id, decide, options)
  return after ?? before
}

/** `SessionStore.remove`. */
export async function removeSession(
  parts: StoreParts,
  id: string,
  check: (current: Session) => boolean,
  options: RemoveOptions,
): Promise<Session | undefined> {
  const decide = (before: Session) => (check(before) ? { after: null, rows: [] } : null)
  const { before, after } = await mutate(parts, id, decide, options)
  return after === null ? before : undefined
}

/** What becomes of a session, and the further rows to write. */
interface Outcome {
  /** null deletes it. */
  readonly after: Session | null
  readonly rows: readonly Row[]
}

/** Takes only the session's lock first: the user's is needed only if the user's count changes. */
async function mutate(
  parts: StoreParts,
  id: string,
  decide: (before: Session) => Outcome | null,
  options: RemoveOptions,
  userId?: string,
): Promise<{ before?: Session | undefined; after?: Session | null | undefined }> {
  const { database, locks, writer } = parts
  const { settles, durable, removal } = options
  const shared = settles && (await entryKeyAt(database, settles))
  const held = [
    ...(userId === undefined ? [] : [userLock(userId)]),
    ...(shared === undefined ? [] : [entryLock(shared)]),
    sessionLock(id),
  ]
  let otherUserId: string | undefined
  const done = await locks.hold(held, async () => {
    const before = await database.read((level) => readSession(level, id))
    const outcome = before && decide(before)
    const change =
      before && outcome ? { before, after: outcome.after, ...(removal && { removal }) } : null
    if (change !== null && openDelta(change) !== 0 && change.before.userId !== userId) {
      otherUserId = change.before.userId
      return {}
    }
    const rows = settles ? await settledRows(database, settles, shared) : []
    if (change !== null) {
      rows.push(...changeRows(change), ...openedRows([change], (key) => database.valueNow(key)))
    }
    rows.push(...(outcome?.rows ?? []))
    if (rows.length > 0) {
      await writer.write(rows, change === null ? [] : [change], durable)
    }
    return { before, after: outcome?.after }
  })
  return otherUserId === undefined ? done : mutate(parts, id, decide, options, otherUserId)
}

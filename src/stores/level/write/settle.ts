import type { Deadline } from '../../../core/store.js'
import { entryLock } from '../locks.js'
import { entryKeyAt, settledRows } from './deadlines.js'
import type { StoreParts } from './writer.js'

/** `SessionStore.settle`. */
export async function settleDeadlines(
  parts: StoreParts,
  deadlines: readonly Deadline[],
): Promise<void> {
  await Promise.all(deadlines.map((deadline) => settleOne(parts, deadline)))
}

async function settleOne(
  { database, locks, writer }: StoreParts,
  deadline: Deadline,
): Promise<void> {
  const key = await entryKeyAt(database, deadline)
  await locks.hold(key === undefined ? [] : [entryLock(key)], async () =>
    writer.write(await settledRows(database, deadline, key), []),
  )
}

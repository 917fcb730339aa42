import type { Deadline } from '../../../core/store.js'
import type { Row } from '../database.js'
import { deadlineKey, entryKey } from '../layout/keys.js'
import { storedEntry } from '../layout/stored.js'
import { entryLock } from '../locks.js'
import type { StoreParts } from './writer.js'

/** `SessionStore.settle`. */
export async function settleDeadlines(
  parts: StoreParts,
  deadlines: readonly Deadline[],
): Promise<void> {
  await Promise.all(deadlines.map((deadline) => settleOne(parts, deadline)))
}

function settleOne({ database, locks, writer }: StoreParts, deadline: Deadline): Promise<void> {
  const struck: Row = [deadlineKey(deadline), null]
  if (deadline.kind === 'session') {
    return writer.write([struck], [])
  }
  const { scope, timeMs } = deadline
  return locks.hold([entryLock(scope)], async () => {
    const key = entryKey(scope)
    const bytes = await database.read((level) => level.getSync(key))
    // The key may have been used again since, which moved its deadline.
    const over = bytes !== undefined && storedEntry(key, bytes).entry.expiresTimeMs <= timeMs
    await writer.write(over ? [struck, [key, null]] : [struck], [])
  })
}

import type { FoundEntry, IdempotencyScope } from '../../../core/store.js'
import { KEY_ONLY, type Row } from '../database.js'
import { deadlineKey, entryKey, keyInDeadline } from '../layout/keys.js'
import { entryLock } from '../locks.js'
import { readEntry } from '../read/lookup.js'
import type { StoreParts } from './writer.js'

/** `SessionStore.forget`. */
export function forgetEntry(
  { database, locks, writer }: StoreParts,
  scope: IdempotencyScope,
  check: (entry: FoundEntry) => boolean,
): Promise<boolean> {
  const key = entryKey(scope)
  return locks.hold([entryLock(key)], async () => {
    const found = await database.read((level) => readEntry(level, key))
    if (found === undefined || !check(found.entry)) {
      return false
    }
    const { expiresTimeMs: timeMs, entry } = found
    const rows: Row[] = [
      [key, null],
      [deadlineKey({ kind: 'idempotency', timeMs, scope }), null],
    ]
    const shared = deadlineKey({ kind: 'session', timeMs, id: entry.sessionId })
    const value = await database.read((level) => level.getSync(shared))
    if (keyInDeadline(value)?.equals(key)) {
      rows.push([shared, KEY_ONLY])
    }
    await writer.write(rows, [])
    return true
  })
}

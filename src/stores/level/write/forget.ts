import type { FoundEntry, IdempotencyScope } from '../../../core/store.js'
import { deadlineKey, entryKey } from '../layout/keys.js'
import { entryLock } from '../locks.js'
import { readEntry } from '../read/lookup.js'
import type { StoreParts } from './writer.js'

/** `SessionStore.forget`. */
export function forgetEntry(
  { database, locks, writer }: StoreParts,
  scope: IdempotencyScope,
  check: (entry: FoundEntry) => boolean,
): Promise<boolean> {
  return locks.hold([entryLock(scope)], async () => {
    const found = await database.read((level) => readEntry(level, scope))
    if (found === undefined || !check(found.entry)) {
      return false
    }
    const deadline = { kind: 'idempotency', timeMs: found.expiresTimeMs, scope } as const
    await writer.write(
      [
        [entryKey(scope), null],
        [deadlineKey(deadline), null],
      ],
      [],
    )
    return true
  })
}

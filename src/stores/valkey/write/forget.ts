import { ownerText } from '../../../core/owner-text.js'
import type { FoundEntry, IdempotencyScope } from '../../../core/store.js'
import { userLock } from '../../locks.js'
import { deadlineWrite } from '../layout/writes.js'
import type { StoreParts } from '../parts.js'
import { commitAside, untilCommitted } from './commit.js'
import { Scope } from './scope.js'

/** `SessionStore.forget`. */
export function forgetEntry(
  parts: StoreParts,
  scope: IdempotencyScope,
  check: (entry: FoundEntry) => boolean,
): Promise<boolean> {
  const userId = ownerText(scope.owner)
  const asked = new Scope(parts, { userId, idempotency: scope, countOpenOfUser: false })
  return parts.locks.hold([userLock(userId)], () =>
    untilCommitted(async () => {
      const view = await asked.read()
      const { idempotency } = asked.seen(view)
      if (view.entry === undefined || idempotency === undefined || !check(idempotency)) {
        return { done: false }
      }
      const timeMs = view.entry.entry.expiresTimeMs
      const deadline = { kind: 'idempotency', timeMs, scope } as const
      const writes = [asked.withoutEntry(), deadlineWrite(asked.keys, 'ZREM', deadline)]
      const isDone = await commitAside(parts, asked.shard, writes, asked.expectations(view))
      return isDone ? { done: true } : undefined
    }),
  )
}

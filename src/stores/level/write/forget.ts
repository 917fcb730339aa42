import type { FoundEntry, IdempotencyScope } from '../../../core/store.js'
import { answerKey, deadlineKey } from '../layout/keys.js'
import { answerLock } from '../locks.js'
import { readAnswer } from '../read/lookup.js'
import type { StoreParts } from './writer.js'

/** `SessionStore.forget`. */
export function forgetAnswer(
  { database, locks, writer }: StoreParts,
  scope: IdempotencyScope,
  check: (entry: FoundEntry) => boolean,
): Promise<boolean> {
  return locks.hold([answerLock(scope)], async () => {
    const answer = await database.read((level) => readAnswer(level, scope))
    if (answer === undefined || !check(answer.entry)) {
      return false
    }
    const deadline = { kind: 'idempotency', timeMs: answer.expiresTimeMs, scope } as const
    await writer.write(
      [
        [answerKey(scope), null],
        [deadlineKey(deadline), null],
      ],
      null,
    )
    return true
  })
}

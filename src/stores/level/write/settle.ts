import type { Deadline } from '../../../core/store.js'
import type { Row } from '../database.js'
import { answerKey, deadlineKey } from '../layout/keys.js'
import { storedAnswer } from '../layout/stored.js'
import { answerLock } from '../locks.js'
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
    return writer.write([struck], null)
  }
  const { scope, timeMs } = deadline
  return locks.hold([answerLock(scope)], async () => {
    const key = answerKey(scope)
    const bytes = await database.read((level) => level.getSync(key))
    // The key may have been used again since, which moved its deadline.
    const over = bytes !== undefined && storedAnswer(key, bytes).answer.expiresTimeMs <= timeMs
    await writer.write(over ? [struck, [key, null]] : [struck], null)
  })
}

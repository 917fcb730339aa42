import { ownerText } from '../../../core/owner-text.js'
import type {
  Deadline,
  EndingDeadline,
  IdempotencyDeadline,
  SessionDeadline,
} from '../../../core/store.js'
import { valueIn } from '../connection/reply.js'
import type { Write } from '../functions/call.js'
import { deadlineMember, entryField, readEntry, versionOf } from '../layout/values.js'
import { deadlineWrite } from '../layout/writes.js'
import type { StoreParts } from '../parts.js'
import { commitAside, untilCommitted } from './commit.js'

/** `SessionStore.settle`. */
export async function settleDeadlines(
  parts: StoreParts,
  deadlines: readonly Deadline[],
): Promise<void> {
  await Promise.all(deadlines.map((deadline) => settleOne(parts, deadline)))
}

function settleOne(parts: StoreParts, deadline: Deadline): Promise<void> {
  switch (deadline.kind) {
    case 'session':
      return settleSession(parts, deadline)
    case 'ending':
      return settleEnding(parts, deadline)
    case 'idempotency':
      return settleEntry(parts, deadline)
  }
}

/** An ending lies where its deadline does. */
async function settleEnding(parts: StoreParts, deadline: EndingDeadline): Promise<void> {
  const { functions, shards, whereabouts } = parts
  const { id } = deadline
  await whereabouts.find(id, async (shard) => {
    const keys = shards.keysOf(shard)
    const detail = deadlineMember(keys.deadlines, deadline)
    const [score] = await functions.look(shard, [{ kind: 'score', key: keys.deadlines, detail }])
    if (valueIn(score) === undefined) {
      return undefined
    }
    await commitAside(parts, shard, [
      deadlineWrite(keys, 'ZREM', deadline),
      ['HDEL', keys.endings, id],
      ['ZREM', keys.endingOrder, id],
    ])
    return shard
  })
}

/** With the last deadline of a session that was removed, what led to its shard goes as well. */
export async function settleSession(parts: StoreParts, deadline: SessionDeadline): Promise<void> {
  const { functions, shards, whereabouts } = parts
  const { id } = deadline
  await whereabouts.find(id, (shard) =>
    untilCommitted(async () => {
      const keys = shards.keysOf(shard)
      const detail = deadlineMember(keys.deadlines, deadline)
      const asked = { kind: 'record', key: keys.record(id) } as const
      const [score, record] = await functions.look(shard, [
        { kind: 'score', key: keys.deadlines, detail },
        asked,
      ])
      if (valueIn(score) === undefined) {
        return { done: undefined }
      }
      const stored = valueIn(record)
      const settled = deadlineWrite(keys, 'ZREM', deadline)
      const shown = { ...asked, brief: versionOf(stored) }
      if (!(await commitAside(parts, shard, [settled], [shown]))) {
        return undefined
      }
      if (stored === undefined) {
        await whereabouts.unpoint(id, shard)
      }
      return { done: shard }
    }),
  )
}

function settleEntry(parts: StoreParts, deadline: IdempotencyDeadline): Promise<void> {
  const { functions, shards } = parts
  const { scope, timeMs } = deadline
  const userId = ownerText(scope.owner)
  const shard = shards.ofUser(userId)
  const keys = shards.keysOf(shard)
  const key = keys.entries(userId)
  const field = entryField(scope.signer, scope.key)
  const question = { kind: 'field', key, detail: field } as const
  const settled = deadlineWrite(keys, 'ZREM', deadline)
  return untilCommitted(async () => {
    const [reply] = await functions.look(shard, [question])
    const stored = valueIn(reply)
    // The key may have been used again since, which moved its deadline.
    const isOver = stored !== undefined && readEntry(key, field, stored).expiresTimeMs <= timeMs
    const writes: Write[] = isOver ? [settled, ['HDEL', key, field]] : [settled]
    const isDone = await commitAside(parts, shard, writes, [{ ...question, brief: stored ?? '' }])
    return isDone ? { done: undefined } : undefined
  })
}

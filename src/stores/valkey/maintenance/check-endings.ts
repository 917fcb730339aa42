import { deadlineOfEnding } from '../../../core/endings/session-endings.js'
import type { EpochSettings } from '../../../core/epoch.js'
import type { CheckEvent } from '../../../core/upkeep/care.js'
import { quoted } from '../../rows/record.js'
import { wholeNumberOf } from '../connection/reply.js'
import type { Question } from '../functions/call.js'
import { deadlineMember, readDeadlineMember, readEnding } from '../layout/values.js'
import type { ReadParts } from '../parts.js'
import { scan, slicesOf } from '../read/walk.js'
import { readable } from './check-sessions.js'

/** Compares the endings of a shard with their order and their deadlines, all of one moment. */
export async function* checkEndings(
  store: ReadParts,
  shard: number,
  epochs: EpochSettings,
): AsyncGenerator<CheckEvent, void> {
  const { endings, endingOrder, deadlines } = store.shards.keysOf(shard)
  const look = async (ids: readonly string[], others: (id: string) => Question) => {
    const replies = await store.functions.look(
      shard,
      ids.flatMap((id): Question[] => [
        { kind: 'field', key: endings, detail: id },
        { kind: 'score', key: endingOrder, detail: id },
        others(id),
      ]),
    )
    return ids.map((id, i) => ({ id, found: replies.slice(3 * i, 3 * i + 3) }))
  }
  for await (const fields of scan(store, shard, 'HSCAN', endings)) {
    const problems: string[] = []
    const due = new Map<string, Buffer>()
    for (const [id, value] of fields) {
      const ending = readable(() => readEnding(endings, id, value), problems)
      if (ending !== undefined) {
        due.set(ending.id, deadlineMember(deadlines, deadlineOfEnding(ending, epochs)))
      }
    }
    yield* problems.map((problem) => ({ problem }))
    for (const ids of slicesOf([...due.keys()])) {
      const detail = (id: string) => due.get(id) as Buffer
      const looked = await look(ids, (id) => ({
        kind: 'score',
        key: deadlines,
        detail: detail(id),
      }))
      for (const { id, found } of looked) {
        const [value, place, deadline] = found
        if (value !== null && place === null) {
          yield { problem: `session ${quoted(id)}: nobody will be told that it ended` }
        }
        if (value !== null && deadline === null) {
          yield { problem: `session ${quoted(id)}: no deadline will delete its ending` }
        }
      }
    }
  }
  for await (const members of scan(store, shard, 'ZSCAN', deadlines)) {
    const due = new Map<string, Buffer>()
    for (const [member, score] of members) {
      const deadline = readable(
        () => readDeadlineMember(deadlines, member, wholeNumberOf(score)),
        [],
      )
      if (deadline?.kind === 'ending') {
        due.set(deadline.id, member)
      }
    }
    for (const ids of slicesOf([...due.keys()])) {
      const detail = (id: string) => due.get(id) as Buffer
      const looked = await look(ids, (id) => ({
        kind: 'score',
        key: deadlines,
        detail: detail(id),
      }))
      for (const { id, found } of looked) {
        if (found[0] === null && found[2] !== null) {
          yield { problem: `session ${quoted(id)}: its ending is missing` }
        }
      }
    }
  }
}

import { deadlineOfEnding } from '../../../core/endings/session-endings.js'
import type { EpochSettings } from '../../../core/epoch.js'
import type { CheckEvent } from '../../../core/upkeep/care.js'
import { quoted } from '../../rows/record.js'
import { wholeNumberOf } from '../connection/reply.js'
import type { Question } from '../functions/call.js'
import type { ReadParts } from '../functions/functions.js'
import { deadlineMember, readDeadlineMember, readEnding } from '../layout/values.js'
import { scan, slicesOf } from '../read/walk.js'
import { readable } from './check-sessions.js'

/** Where it is not asked for. */
const NO_DEADLINE = Buffer.alloc(0)

/** Compares the endings of a shard with their order and their deadlines, all of one moment. */
export async function* checkEndings(
  store: ReadParts,
  shard: number,
  epochs: EpochSettings,
): AsyncGenerator<CheckEvent, void> {
  const { endings, endingOrder, deadlines } = store.shards.keysOf(shard)
  /** What is there of these endings: their values, their places in the order, and their deadlines, which `due` has by id. */
  async function* look(due: ReadonlyMap<string, Buffer>) {
    for (const slice of slicesOf([...due])) {
      const replies = await store.functions.look(
        shard,
        slice.flatMap(([id, deadline]): Question[] => [
          { kind: 'field', key: endings, detail: id },
          { kind: 'score', key: endingOrder, detail: id },
          { kind: 'score', key: deadlines, detail: deadline },
        ]),
      )
      for (const [i, [id]] of slice.entries()) {
        const [value, place, deadline] = replies
          .slice(3 * i, 3 * i + 3)
          .map((reply) => reply !== null)
        yield { id, value, place, deadline }
      }
    }
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
    for await (const { id, value, place, deadline } of look(due)) {
      if (value && !place) {
        yield { problem: `session ${quoted(id)}: nobody will be told that it ended` }
      }
      if (value && !deadline) {
        yield { problem: `session ${quoted(id)}: no deadline will delete its ending` }
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
    for await (const { id, value, place, deadline } of look(due)) {
      if (deadline && !value && !place) {
        yield { problem: `session ${quoted(id)}: its ending is missing` }
      }
    }
  }
  for await (const members of scan(store, shard, 'ZSCAN', endingOrder)) {
    // The empty one keeps the last place.
    const ids = members.map(([member]) => member.toString()).filter((id) => id !== '')
    for await (const { id, value, place } of look(new Map(ids.map((id) => [id, NO_DEADLINE])))) {
      if (place && !value) {
        yield { problem: `session ${quoted(id)}: its ending is missing` }
      }
    }
  }
}

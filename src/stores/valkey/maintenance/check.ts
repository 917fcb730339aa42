import { StoreDamagedError } from '../../../core/errors.js'
import type { Session } from '../../../core/session.js'
import type { CheckEvent } from '../../../core/upkeep/care.js'
import type { ClosedCheckPorts } from '../../engine.js'
import { quoted } from '../../rows/record.js'
import { wholeNumberOf } from '../connection/reply.js'
import type { ReadParts } from '../functions/functions.js'
import { readDeadlineMember } from '../layout/values.js'
import { scan, slicesOf } from '../read/walk.js'
import { checkEndings } from './check-endings.js'
import { KeyCheck } from './check-keys.js'
import { readable, SessionCheck } from './check-sessions.js'
import { storeKeys } from './keyspace.js'

/** What was told is not told again, up to so many problems. */
const MAX_REMEMBERED = 10_000

/**
 * Compares every record with its lists, deadline, pointer and seal, opens every seal, reads every row, and finds what no record
 * accounts for. Each session is looked at as of one moment, so what servers write meanwhile is no problem. Keeps the ids of one
 * shard in memory.
 */
export async function* checkStore(
  store: ReadParts,
  ports: ClosedCheckPorts,
): AsyncGenerator<CheckEvent, void> {
  const told = new Set<string>()
  for await (const event of checkAll(store, ports)) {
    ports.signal?.throwIfAborted()
    const isNew = !('problem' in event) || !told.has(event.problem)
    if (isNew && 'problem' in event && told.size < MAX_REMEMBERED) {
      told.add(event.problem)
    }
    if (isNew) {
      yield event
    }
  }
}

async function* checkAll(
  store: ReadParts,
  ports: ClosedCheckPorts,
): AsyncGenerator<CheckEvent, void> {
  const rows = new Rows(await countRows(store))
  for (const shard of store.shards) {
    yield* whole(new ShardCheck(store, shard, ports).check(rows))
  }
  let strange = 0
  for await (const found of storeKeys(store.functions.cluster, store.shards)) {
    for (const [shard, keys] of found) {
      const check = new KeyCheck(store, shard)
      const sessions = new SessionCheck(store, shard, ports)
      const unlisted: string[] = []
      yield* whole(eventually(check.check(keys, (id) => unlisted.push(id))))
      for (const ids of slicesOf(unlisted)) {
        yield* whole(eventually(sessions.check(ids).then(({ problems }) => problems)))
      }
      strange += check.strange
      yield rows.checked(keys.length)
    }
  }
  if (strange > 0) {
    yield { problem: `${strange} keys are of no kind that a server writes` }
  }
}

class ShardCheck {
  private readonly sessions: SessionCheck
  /** By id: the deadline that the session should have, and the latest that suffices. */
  private readonly unsure = new Map<string, { timeMs: number; latestAtMs: number }>()

  constructor(
    private readonly store: ReadParts,
    private readonly shard: number,
    private readonly ports: ClosedCheckPorts,
  ) {
    this.sessions = new SessionCheck(store, shard, ports)
  }

  async *check(rows: Rows): AsyncGenerator<CheckEvent, void> {
    const keys = this.store.shards.keysOf(this.shard)
    for (const active of [true, false]) {
      for await (const members of scan(this.store, this.shard, 'ZSCAN', keys.list(active))) {
        for (const ids of slicesOf(members.map(([member]) => member.toString()))) {
          yield* problemEvents(await this.checkSessions(ids))
          yield rows.checked(ids.length)
        }
      }
    }
    yield* this.checkDeadlines(rows)
    yield* checkEndings(this.store, this.shard, this.ports.epochs)
    // Sessions and deadlines of these may have been of two moments.
    const doubtful = [...this.unsure.keys()]
    this.unsure.clear()
    for (const ids of slicesOf(doubtful)) {
      await this.checkSessions(ids)
    }
    if (this.unsure.size > 0) {
      await drained(this.checkDeadlines(new Rows(0)))
    }
    for (const id of this.unsure.keys()) {
      yield {
        problem: `session ${quoted(id)}: no deadline will lead the sweep to it in time`,
      }
    }
  }

  private async checkSessions(ids: readonly string[]): Promise<readonly string[]> {
    const { problems, unsure } = await this.sessions.check(ids)
    for (const { session, timeMs } of unsure) {
      this.unsure.set(session.id, { timeMs, latestAtMs: latestFor(session, timeMs) })
    }
    return problems
  }

  private async *checkDeadlines(rows: Rows): AsyncGenerator<CheckEvent, void> {
    const key = this.store.shards.keysOf(this.shard).deadlines
    for await (const members of scan(this.store, this.shard, 'ZSCAN', key)) {
      const problems: string[] = []
      for (const [member, score] of members) {
        const deadline = readable(
          () => readDeadlineMember(key, member, wholeNumberOf(score)),
          problems,
        )
        const wanted = deadline?.kind === 'session' ? this.unsure.get(deadline.id) : undefined
        if (deadline?.kind === 'session' && wanted && deadline.timeMs <= wanted.latestAtMs) {
          this.unsure.delete(deadline.id)
        }
      }
      yield* problemEvents(problems)
      yield rows.checked(members.length)
    }
  }
}

/** The server's options move the ends of all sessions except open token sessions. */
function latestFor({ active, token }: Session, timeMs: number): number {
  return active && token !== null ? timeMs : Number.POSITIVE_INFINITY
}

/** How much was checked, of an estimated total. */
class Rows {
  private count = 0

  constructor(private readonly total: number) {}

  checked(count: number): CheckEvent {
    this.count += count
    return { checkedRows: this.count, totalRows: Math.max(this.total, this.count) }
  }
}

async function countRows({ functions, shards }: ReadParts): Promise<number> {
  const counts = await Promise.all(
    Array.from(shards, async (shard) => {
      const keys = shards.keysOf(shard)
      const sets = [keys.list(true), keys.list(false), keys.deadlines, keys.endingOrder]
      const asked = sets.map((key) => ({ kind: 'count', key }) as const)
      return (await functions.look(shard, asked)).map(wholeNumberOf)
    }),
  )
  const sizes = await functions.cluster.onMasters([['DBSIZE']])
  return [...counts.flat(), ...[...sizes.values()].flat().map(wholeNumberOf)].reduce(
    (sum, count) => sum + count,
    0,
  )
}

/** A key of another type than ours ends the part of the check that meets it, and is a problem. */
async function* whole(events: AsyncIterable<CheckEvent>): AsyncGenerator<CheckEvent, void> {
  try {
    yield* events
  } catch (error) {
    if (!(error instanceof StoreDamagedError)) {
      throw error
    }
    yield { problem: error.message }
  }
}

async function* eventually(problems: Promise<readonly string[]>): AsyncGenerator<CheckEvent, void> {
  yield* problemEvents(await problems)
}

function problemEvents(problems: readonly string[]): CheckEvent[] {
  return problems.map((problem) => ({ problem }))
}

async function drained(events: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of events) {
    // Told before.
  }
}

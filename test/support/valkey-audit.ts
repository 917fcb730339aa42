import { deadlineOfEnding } from '../../src/core/endings/session-endings.js'
import type { Session } from '../../src/core/session.js'
import { type Cluster, openCluster } from '../../src/stores/valkey/connection/cluster.js'
import type { Reply } from '../../src/stores/valkey/connection/reply.js'
import { isOpened, newestFirst } from '../../src/stores/valkey/layout/keys.js'
import { Shards } from '../../src/stores/valkey/layout/shards.js'
import {
  deadlineMember,
  entryField,
  readDeadlineMember,
  readEnding,
  readEntry,
  readPointer,
  readRecord,
  readSeal,
} from '../../src/stores/valkey/layout/values.js'
import { EPOCHS } from './store-sessions.js'
import { engineSettings } from './valkey-store.js'

/**
 * Reads every key of a store in these engines, `HOST:PORT`, that nobody writes to, and tells what disagrees: a record has
 * exactly its places in the lists, an open token session its seal, an idempotency entry its deadline, an id that does not
 * name its shard its pointer; and nothing is left over.
 */
export async function auditValkey(addresses: string, shardCount = 16): Promise<string[]> {
  const shards = new Shards(shardCount)
  const cluster = await openCluster(engineSettings(addresses, { shards: shardCount }))
  try {
    const problems: string[] = []
    const expected = new Set<string>()
    const actual = new Set<string>()
    const keys = [...(await cluster.onMasters([['KEYS', '*']])).values()].flat(2).map(textOf)
    for (const key of keys) {
      const [, shard = '', kind = '', rest = ''] = /^\{sd:(\d+)\}(\w):?(.*)$/s.exec(key) ?? []
      try {
        await auditKey({ cluster, shards, shard: Number(shard), kind, rest, key, expected, actual })
      } catch (error) {
        problems.push(`${key}: ${(error as Error).message}`)
      }
    }
    for (const row of expected) {
      if (!actual.has(row)) {
        problems.push(`missing: ${row}`)
      }
    }
    for (const row of actual) {
      if (!expected.has(row)) {
        problems.push(`left over: ${row}`)
      }
    }
    return problems
  } finally {
    await cluster.close()
  }
}

interface Audited {
  readonly cluster: Cluster
  readonly shards: Shards
  readonly shard: number
  readonly kind: string
  readonly rest: string
  readonly key: string
  /** Rows as texts: what there should be by what stands elsewhere, and what there is. */
  readonly expected: Set<string>
  readonly actual: Set<string>
}

async function auditKey(at: Audited): Promise<void> {
  const { cluster, shards, shard, kind, rest, key, expected, actual } = at
  const ask = async (...command: string[]) => (await cluster.command(shard, [command]))[0] as Reply
  switch (kind) {
    case 's':
      expectSession(at, readRecord(key, rest, (await ask('GET', key)) as Buffer))
      return
    case 'k':
      readSeal(key, rest, (await ask('GET', key)) as Buffer)
      actual.add(key)
      return
    case 't':
    case 'u':
    case 'c':
      for (const [member, score] of pairsOf(await ask('ZRANGE', key, '0', '-1', 'WITHSCORES'))) {
        actual.add(rowOf(key, member, score.toString()))
      }
      return
    case 'i': {
      const { deadlines } = shards.keysOf(shard)
      const dues = pairsOf(await ask('ZRANGE', deadlines, '0', '-1', 'WITHSCORES')).flatMap(
        ([member, score]) => {
          const deadline = readDeadlineMember(deadlines, member, Number(score))
          return deadline.kind === 'idempotency' ? [deadline] : []
        },
      )
      for (const [field, stored] of pairsOf(await ask('HGETALL', key))) {
        const { expiresTimeMs } = readEntry(key, field, stored)
        expected.add(rowOf(key, field, `${expiresTimeMs}`))
        actual.add(rowOf(key, field, `${expiresTimeMs}`))
        // Its deadline names the owner, whose text is the user's.
        const isDue = dues.some(
          ({ scope, timeMs }) =>
            timeMs === expiresTimeMs && entryField(scope.signer, scope.key).equals(field),
        )
        if (!isDue) {
          throw new Error('an entry has no deadline')
        }
      }
      return
    }
    case 'd':
      for (const [id, stored] of pairsOf(await ask('HGETALL', key))) {
        const deadline = deadlineOfEnding(readEnding(key, id, stored), EPOCHS)
        actual.add(`ending ${id}`)
        expected.add(`place ${id}`)
        expected.add(`deadline ${deadline.timeMs} ${id}`)
      }
      return
    case 'o':
      for (const [member] of pairsOf(await ask('ZRANGE', key, '0', '-1', 'WITHSCORES'))) {
        if (member.length > 0) {
          expected.add(`ending ${member}`)
          actual.add(`place ${member}`)
        }
      }
      return
    case 'x':
      for (const [member, score] of pairsOf(await ask('ZRANGE', key, '0', '-1', 'WITHSCORES'))) {
        const deadline = readDeadlineMember(key, member, Number(score))
        if (deadline.kind === 'ending') {
          expected.add(`ending ${deadline.id}`)
          actual.add(`deadline ${deadline.timeMs} ${deadline.id}`)
        }
        if (!deadlineMember(key, deadline).equals(member)) {
          throw new Error('a deadline is not whole')
        }
      }
      return
    case 'p':
      // May outlive its session.
      actual.add(key)
      expected.add(key)
      readPointer(key, rest, (await ask('GET', key)) as Buffer, shards.count)
      return
    case 'e':
    case 'g':
    case 'm':
    case 'w':
    // A server that is killed leaves its leases, which end by themselves.
    case 'l':
      return
    default:
      throw new Error('no key of the store')
  }
}

function expectSession({ shards, shard, expected }: Audited, session: Session): void {
  const { id, userId, active, address, client, requestTimeMs, openTimeMs, token } = session
  const keys = shards.keysOf(shard)
  for (const key of [keys.list(active), keys.listOfUser(userId, active)]) {
    expected.add(rowOf(key, id, newestFirst(requestTimeMs)))
  }
  if (isOpened(session)) {
    expected.add(rowOf(keys.opened(userId, address, client), id, newestFirst(openTimeMs)))
  }
  if (active && token !== null) {
    expected.add(keys.seal(id))
  }
  if (shards.namedBy(id) !== shard) {
    expected.add(shards.keysOf(shards.ofPointer(id)).pointer(id))
  }
}

function rowOf(key: string, member: string | Buffer, score: string): string {
  return `${key} ${Buffer.from(member).toString('latin1')} ${score}`
}

function pairsOf(reply: Reply): [Buffer, Buffer][] {
  const flat = reply as Buffer[]
  return flat.flatMap((part, i) => (i % 2 === 0 ? [[part, flat[i + 1] as Buffer]] : []))
}

function textOf(reply: unknown): string {
  return (reply as Buffer).toString()
}

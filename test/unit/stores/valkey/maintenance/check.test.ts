import { beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { deadlineOfEnding } from '../../../../../src/core/endings/session-endings.js'
import { StoreDamagedError } from '../../../../../src/core/errors.js'
import { ownerText } from '../../../../../src/core/owner-text.js'
import type { Session } from '../../../../../src/core/session.js'
import { readBackup } from '../../../../../src/stores/backup-reader.js'
import { LevelStore } from '../../../../../src/stores/level/store.js'
import { openCluster } from '../../../../../src/stores/valkey/connection/cluster.js'
import type { Arg } from '../../../../../src/stores/valkey/connection/reply.js'
import { Shards } from '../../../../../src/stores/valkey/layout/shards.js'
import { deadlineMember, entryField } from '../../../../../src/stores/valkey/layout/values.js'
import { restoreInPlace } from '../../../../../src/stores/valkey/maintenance/restore.js'
import type { ValkeyStore } from '../../../../../src/stores/valkey/store.js'
import { DELETED_ID, ENDED_ID, fillStore, PORTS, TOKEN_EXP } from '../../../../support/care.js'
import { collect } from '../../../../support/damage.js'
import { temporaryDirectory } from '../../../../support/process.js'
import { EPOCHS } from '../../../../support/store-sessions.js'
import { suiteEnd } from '../../../../support/suite-end.js'
import { type EngineNode, haveValkey, startValkey } from '../../../../support/valkey-cluster.js'
import { engineSettings, openValkeyStore } from '../../../../support/valkey-store.js'

const SHARDS = new Shards(16)
/** The users of the sessions that `fillStore` makes. */
const USERS = { alice: 'alice', bob: 'bob', 'bob-ended': 'bob', 'token-1': 'owner token-1' }
const ENTRY_OWNER = Uint8Array.of(1)

/** A command of the engine that damages the store, and the shard that it is for. */
type Damage = readonly [shard: number, ...command: Arg[]]

const shardOf = (id: keyof typeof USERS) => SHARDS.ofUser(USERS[id])
const keysFor = (id: keyof typeof USERS) => SHARDS.keysOf(shardOf(id))
const placeOf = (id: keyof typeof USERS, client = 'browser') =>
  keysFor(id).opened(USERS[id], '192.0.2.1', client)
const entryShard = SHARDS.ofUser(ownerText(ENTRY_OWNER))
const entryKeys = SHARDS.keysOf(entryShard)
const entryScope = { owner: ENTRY_OWNER, signer: Uint8Array.of(2), key: 'token-1' }

const endedShard = SHARDS.ofUser(`owner ${ENDED_ID}`)
const endedKeys = SHARDS.keysOf(endedShard)
const endingMember = deadlineMember(
  endedKeys.deadlines,
  deadlineOfEnding({ id: ENDED_ID, exp: TOKEN_EXP }, EPOCHS),
)
const deletedShard = SHARDS.namedBy(DELETED_ID) as number
const deletedMember = deadlineMember(
  SHARDS.keysOf(deletedShard).deadlines,
  deadlineOfEnding({ id: DELETED_ID, exp: TOKEN_EXP }, EPOCHS),
)

describe.skipIf(!haveValkey())('the check of a store in an engine', () => {
  let node: EngineNode
  let backup: Buffer
  const atEnd = suiteEnd()
  beforeAll(async () => {
    node = await startValkey(atEnd)
    const location = `${await temporaryDirectory(atEnd)}/store`
    await fillStore(location)
    const level = await LevelStore.open(location, { epochs: EPOCHS })
    backup = Buffer.concat(await collect(level.backup(0)))
    await level.close()
  })

  let store: ValkeyStore
  beforeEach(async () => {
    await node.call('FLUSHALL')
    const cluster = await openCluster(engineSettings(node.address))
    const items = readBackup(
      (async function* () {
        yield backup
      })(),
      'it',
    )
    await restoreInPlace(cluster, items, { name: 'it', location: 'the store' })
    await cluster.close()
    store = await openValkeyStore(node.address)
    onTestFinished(() => store.close())
  })

  async function plant(damages: readonly Damage[]): Promise<void> {
    const cluster = await openCluster(engineSettings(node.address))
    for (const [shard, ...command] of damages) {
      await cluster.command(shard, [command])
    }
    await cluster.close()
  }

  async function problems(): Promise<string[]> {
    const found: string[] = []
    for await (const event of store.check(PORTS)) {
      found.push(...('problem' in event ? [event.problem] : []))
    }
    return found.sort()
  }

  const sessionOf = async (id: string) => (await store.get(id)) as Session

  it('finds nothing in a store that is whole', async () => {
    expect(await problems()).toEqual([])
  })

  it.each<[string, Damage, string]>([
    [
      'is missing',
      [deletedShard, 'HDEL', SHARDS.keysOf(deletedShard).endings, DELETED_ID],
      'is missing',
    ],
    [
      'is damaged',
      [deletedShard, 'HSET', SHARDS.keysOf(deletedShard).endings, DELETED_ID, 'x'],
      'fails its checksum',
    ],
  ])('whoever reads endings is told which one %s', async (_, damage, problem) => {
    await plant([damage])
    await expect(store.endings(Buffer.alloc(0), 100)).rejects.toThrow(
      new StoreDamagedError(`session "${DELETED_ID}": its ending ${problem}`),
    )
  })

  it.each<[string, readonly Damage[], readonly RegExp[]]>([
    [
      'an ending without its deadline',
      [[endedShard, 'ZREM', endedKeys.deadlines, endingMember]],
      [
        new RegExp(`^session "${ENDED_ID}": no deadline will delete its ending`),
        new RegExp(`^session "${ENDED_ID}": nobody will be told that it ended`),
      ],
    ],
    [
      'a deadline that leads to no ending',
      [[endedShard, 'HDEL', endedKeys.endings, ENDED_ID]],
      [new RegExp(`^session "${ENDED_ID}": its ending is missing`)],
    ],
    [
      'a place of an ending that is not there',
      [
        [deletedShard, 'HDEL', SHARDS.keysOf(deletedShard).endings, DELETED_ID],
        [deletedShard, 'ZREM', SHARDS.keysOf(deletedShard).deadlines, deletedMember],
      ],
      [new RegExp(`^session "${DELETED_ID}": its ending is missing`)],
    ],
    [
      'an ending without a place',
      [[deletedShard, 'ZREM', SHARDS.keysOf(deletedShard).endingOrder, DELETED_ID]],
      [new RegExp(`^session "${DELETED_ID}": nobody will be told that it ended`)],
    ],
    [
      'a damaged ending',
      [[deletedShard, 'HSET', SHARDS.keysOf(deletedShard).endings, DELETED_ID, 'x']],
      [new RegExp(`^session "${DELETED_ID}": its ending fails its checksum`)],
    ],
    [
      'a missing row in the list of all',
      [[shardOf('alice'), 'ZREM', keysFor('alice').list(true), 'alice']],
      [/^session "alice": it is missing in the list of all/],
    ],
    [
      'a missing row in the list of a user',
      [[shardOf('alice'), 'ZREM', keysFor('alice').listOfUser('alice', true), 'alice']],
      [/^session "alice": it is missing in the list of its user/],
    ],
    [
      'a row in the wrong list',
      [[shardOf('alice'), 'ZADD', keysFor('alice').list(false), '-1000', 'alice']],
      [/^left over in the list of all.*"alice"/],
    ],
    [
      'a row at the wrong time',
      [[shardOf('alice'), 'ZADD', keysFor('alice').list(true), '-999', 'alice']],
      [/^session "alice": it is missing in the list of all/],
    ],
    [
      'a session that no command finds',
      [[shardOf('alice'), 'ZREM', placeOf('alice'), 'alice']],
      [/^session "alice": no command will find it/],
    ],
    [
      'an ended session where commands look',
      [[shardOf('bob'), 'ZADD', placeOf('bob', 'phone'), '-1000', 'bob-ended']],
      [/^left over where commands look.*"bob-ended"/],
    ],
    [
      'a missing seal',
      [[shardOf('token-1'), 'DEL', keysFor('token-1').seal('token-1')]],
      [/^session "token-1": its sealed key is missing/],
    ],
    [
      'a seal of a session that needs none',
      [[shardOf('bob'), 'SET', keysFor('bob').seal('bob'), 'seal']],
      [/^left over in the sealed keys.*"bob"/, /^session "bob": its sealed key fails its checksum/],
    ],
    [
      'a damaged seal',
      [[shardOf('token-1'), 'APPEND', keysFor('token-1').seal('token-1'), 'x']],
      [/^session "token-1": its sealed key fails its checksum/],
    ],
    [
      'a damaged record',
      [[shardOf('alice'), 'APPEND', keysFor('alice').record('alice'), 'x']],
      [/^session "alice": its record fails its checksum/],
    ],
    [
      'a missing record',
      [[shardOf('alice'), 'DEL', keysFor('alice').record('alice')]],
      [
        /^left over in the list of a user.*"alice"/,
        /^left over in the list of all.*"alice"/,
        /^left over where commands look.*"alice"/,
      ],
    ],
    [
      'a missing pointer',
      [
        [
          SHARDS.ofPointer('alice'),
          'DEL',
          SHARDS.keysOf(SHARDS.ofPointer('alice')).pointer('alice'),
        ],
      ],
      [/^session "alice": no call will find it by its ID/],
    ],
    [
      'a deadline that is none',
      [[shardOf('alice'), 'ZADD', keysFor('alice').deadlines, '5', 'no deadline']],
      [/^a deadline cannot be read/],
    ],
    [
      'an entry without its deadline',
      [
        [
          entryShard,
          'ZREM',
          entryKeys.deadlines,
          deadlineMember(entryKeys.deadlines, {
            kind: 'idempotency',
            timeMs: 4_000_000,
            scope: entryScope,
          }),
        ],
      ],
      [/^an idempotency key of session "token-1": no deadline will delete it/],
    ],
    [
      'a damaged entry',
      [
        [
          entryShard,
          'HSET',
          entryKeys.entries(ownerText(ENTRY_OWNER)),
          entryField(entryScope.signer, entryScope.key),
          'nothing',
        ],
      ],
      [/^the entry of an idempotency key fails its checksum/],
    ],
    [
      'a key of another type',
      [
        [shardOf('alice'), 'DEL', placeOf('alice')],
        [shardOf('alice'), 'SET', placeOf('alice'), 'no set'],
      ],
      [/^a key of the store holds what no server writes there/],
    ],
    [
      'keys of no kind',
      [
        [3, 'SET', '{sd:003}z', '1'],
        [3, 'SET', '{sd:003}q:x', '1'],
      ],
      [/^2 keys are of no kind/],
    ],
  ])('finds %s', async (_, damages, patterns) => {
    await plant(damages)
    expect(await problems()).toEqual(patterns.map((pattern) => expect.stringMatching(pattern)))
  })

  it('finds a session whose deadline is gone', async () => {
    const timeMs = PORTS.dueAtMs(await sessionOf('token-1'))
    const key = keysFor('token-1').deadlines
    const member = deadlineMember(key, { kind: 'session', timeMs, id: 'token-1' })
    await plant([[shardOf('token-1'), 'ZREM', key, member]])
    expect(await problems()).toEqual([
      'session "token-1": no deadline will lead the sweep to it in time',
    ])
  })

  it('ends at once when it is told to', async () => {
    const told = new AbortController()
    const seen: unknown[] = []
    const check = async () => {
      for await (const event of store.check({ ...PORTS, signal: told.signal })) {
        seen.push(event)
        told.abort(new Error('enough'))
      }
    }
    await expect(check()).rejects.toThrow('enough')
    expect(seen).toHaveLength(1)
  })

  it('takes nothing that servers write meanwhile for a problem', async () => {
    let isOver = false
    const writing = (async () => {
      for (let i = 0; !isOver; i++) {
        await store.update('alice', (session) => ({
          session: { ...session, requestTimeMs: session.requestTimeMs + 1 },
        }))
        await store.update('bob', (session) => ({
          session: { ...session, data: `${i}` },
          sweepAtMs: 5_000_000 + i,
        }))
      }
    })()
    try {
      for (let round = 0; round < 10; round++) {
        expect(await problems()).toEqual([])
      }
    } finally {
      isOver = true
      await writing
    }
  })
})

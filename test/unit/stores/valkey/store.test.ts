import { randomBytes } from 'node:crypto'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import {
  StoreDamagedError,
  StoreMismatchError,
  StoreUnavailableError,
} from '../../../../src/core/errors.js'
import type { Session } from '../../../../src/core/session.js'
import type { SessionStore } from '../../../../src/core/store.js'
import { uuidText, uuidV4Bytes } from '../../../../src/core/uuid.js'
import { INFO_KEY } from '../../../../src/stores/valkey/layout/keys.js'
import { Shards } from '../../../../src/stores/valkey/layout/shards.js'
import { openStoreCluster } from '../../../../src/stores/valkey/open.js'
import {
  all,
  BODY,
  KEYED,
  KEYED_USER,
  keyedSession,
  PLACE,
  SEAL,
} from '../../../conformance/given.js'
import { commandSession, EPOCHS, insert } from '../../../support/store-sessions.js'
import { suiteEnd } from '../../../support/suite-end.js'
import { auditValkey } from '../../../support/valkey-audit.js'
import {
  type EngineNode,
  haveValkey,
  startValkey,
  startValkeyCluster,
  until,
} from '../../../support/valkey-cluster.js'
import { engineSettings, openValkeyStore } from '../../../support/valkey-store.js'

const SHARDS = new Shards(16)
const keysOfUser = (userId: string) => SHARDS.keysOf(SHARDS.ofUser(userId))
const ALICE = keysOfUser('alice')
const KEYED_KEYS = keysOfUser(KEYED_USER)

describe.skipIf(!haveValkey())('a store in an engine', () => {
  let node: EngineNode
  const atEnd = suiteEnd()
  beforeAll(async () => {
    node = await startValkey(atEnd)
  })

  async function openStore() {
    const store = await openValkeyStore(node.address)
    onTestFinished(() => store.close())
    return store
  }

  it('waits for no replica where a change may be lost, and for one where it may not', async () => {
    const store = await filledStore()
    const touch = (requestTimeMs: number) => (session: Session) => ({
      session: { ...session, requestTimeMs },
    })
    // It has no replica.
    const wanting = await openValkeyStore(node.address, { replicas: 1 })
    onTestFinished(() => wanting.close())
    await wanting.update('1', touch(2000), { durable: false })
    expect(await store.get('1')).toMatchObject({ requestTimeMs: 2000 })
    await expect(wanting.update('1', touch(3000))).rejects.toThrow('too few replicas')
  })

  async function filledStore() {
    await node.call('FLUSHALL')
    const store = await openStore()
    await insert(store, commandSession('1'), { sweepAtMs: 5 })
    await insert(store, keyedSession('2'), { seal: SEAL, sweepAtMs: 6, idempotency: BODY }, KEYED)
    // Another server: it knows nothing yet.
    return openStore()
  }

  const openAtPlace = (store: SessionStore) =>
    store.insert({ userId: 'alice', reuse: PLACE, countOpenOfUser: true }, ({ reusable }) =>
      reusable ? { keep: reusable } : { insert: { session: commandSession('3') } },
    )
  const openKeyed = (store: SessionStore) =>
    store.insert({ userId: KEYED_USER, ...KEYED, countOpenOfUser: false }, ({ idempotency }) =>
      idempotency?.session
        ? { keep: idempotency.session }
        : { insert: { session: keyedSession('3') } },
    )

  it.each<[string, string, readonly ((store: SessionStore) => Promise<unknown>)[]]>([
    [
      'a record',
      ALICE.record('1'),
      [
        (store) => store.get('1'),
        (store) => store.update('1', (session) => ({ session })),
        (store) => store.list({ skip: 0, take: 10, total: false }),
        (store) => store.list({ userId: 'alice', skip: 0, take: 10, total: false }),
        (store) => store.findOpened('alice', PLACE.address, PLACE.client),
        (store) => all(store.walkSessions('alice')),
        openAtPlace,
      ],
    ],
    [
      'a seal',
      KEYED_KEYS.seal('2'),
      [(store) => store.seal('2'), (store) => store.reseal('2', () => SEAL)],
    ],
    [
      'the pointer to a shard',
      SHARDS.keysOf(SHARDS.ofPointer('1')).pointer('1'),
      [(store) => store.get('1'), (store) => store.remove('1', () => true)],
    ],
  ])('tells damage where %s is other bytes, or of another type', async (_, key, reads) => {
    for (const planted of [
      ['SET', key, 'something else'],
      ['SET', key, ''],
      ['SADD', key, 'a set'],
    ]) {
      const store = await filledStore()
      await node.call('DEL', key)
      await node.call(...(planted as [string]))
      for (const read of reads) {
        await expect(read(store)).rejects.toThrow(StoreDamagedError)
      }
    }
  })

  it.each<[string, string, (store: SessionStore) => Promise<unknown>]>([
    ['the list of all', ALICE.list(true), openElsewhere],
    ['the list of a user', ALICE.listOfUser('alice', true), openElsewhere],
    ['what is open at a place', ALICE.opened('alice', PLACE.address, PLACE.client), openAtPlace],
    ['the deadlines', ALICE.deadlines, openElsewhere],
    ['the events', ALICE.events, openElsewhere],
    ['the entries of a user', KEYED_KEYS.entries(KEYED_USER), openKeyed],
  ])('writes nothing where %s is of another type', async (_, key, write) => {
    const store = await filledStore()
    await node.call('DEL', key)
    await node.call('SET', key, 'a text')
    const before = await content()
    await expect(write(store)).rejects.toThrow(StoreDamagedError)
    expect(await content()).toEqual(before)
  })

  function openElsewhere(store: SessionStore) {
    return insert(store, commandSession('3', { client: 'phone' }), { sweepAtMs: 7 })
  }

  /** Every key, but the pointers: they are written before what they lead to. */
  async function content() {
    const keys: string[] = await node.call('KEYS', '*')
    const written = keys.filter((key) => !key.includes('}p:')).toSorted()
    return Promise.all(written.map(async (key) => [key, await node.call('DUMP', key)]))
  }

  it('is made once, with the shards and epochs of the first server', async () => {
    await node.call('FLUSHALL')
    const open = (shards: number, epochs = EPOCHS) =>
      openStoreCluster(engineSettings(node.address, { shards }), epochs, 'the store')
    const first = await Promise.all([open(4), open(8), open(16)])
    const counts = first.map(({ cluster }) => cluster.shards)
    expect(new Set(counts).size).toBe(1)
    await Promise.all(first.map(({ cluster }) => cluster.close()))
    await expect(open(16, { ...EPOCHS, lengthMs: 5 })).rejects.toThrow(StoreMismatchError)
    await node.call('SET', INFO_KEY, 'something else')
    await expect(open(16)).rejects.toThrow(StoreDamagedError)
  })

  it('loses no session to two servers that open, change and end them at once', async () => {
    await node.call('FLUSHALL')
    const servers = await Promise.all([openStore(), openStore(), openStore()])
    const scope = { userId: 'alice', reuse: PLACE, countOpenOfUser: true }
    let opened = 0
    await Promise.all(
      Array.from({ length: 60 }, async (_, i) => {
        const store = servers[i % 3] as SessionStore
        const { id } = await store.insert(scope, ({ reusable, openOfUser }) => {
          expect(openOfUser).toBe(reusable ? 1 : 0)
          return reusable
            ? { replace: { session: { ...reusable, requestTimeMs: reusable.requestTimeMs + 1 } } }
            : { insert: { session: commandSession(`${++opened}`) } }
        })
        if (i % 10 === 9) {
          await store.update(id, (session) =>
            session.active ? { session: { ...session, active: false, closeTimeMs: 1 } } : null,
          )
        }
      }),
    )
    expect(await servers[0]?.countOpen()).toBeLessThanOrEqual(1)
    expect(await auditValkey(node.address)).toEqual([])
  })
})

describe.skipIf(!haveValkey())('an answer that tells of an earlier write', () => {
  it('waits for the replicas as that write did', async () => {
    const cluster = await startValkeyCluster(onTestFinished, {
      masters: 1,
      replicas: 1,
      nodeTimeoutMs: 60_000,
    })
    const [master, replica] = await cluster.nodesOf(0)
    const open = async () => {
      const store = await openValkeyStore(cluster.addresses, { replicas: 1, timeoutMs: 1000 })
      onTestFinished(() => store.close())
      return store
    }
    const [one, other] = [await open(), await open()]
    const scope = { userId: KEYED_USER, ...KEYED, countOpenOfUser: false }
    const create = (store: SessionStore) =>
      store.insert(scope, ({ idempotency }) =>
        idempotency?.session
          ? { keep: idempotency.session }
          : { insert: { session: keyedSession(id), idempotency: BODY } },
      )
    const close = (store: SessionStore) =>
      store.update(id, (session) =>
        session.active ? { session: { ...session, active: false, closeTimeMs: 1 } } : null,
      )
    const id = uuidText(uuidV4Bytes(randomBytes(16), one.idBits(KEYED_USER)))
    replica?.pause()
    await expect(create(one)).rejects.toThrow(StoreUnavailableError)
    await until('the master has it', async () => (await other.get(id)) !== undefined)
    await expect(create(other)).rejects.toThrow(StoreUnavailableError)
    await expect(close(one)).rejects.toThrow(StoreUnavailableError)
    await expect(close(other)).rejects.toThrow(StoreUnavailableError)
    replica?.resume()
    await until('the replica follows', async () => {
      const { master_link_status } = (await replica?.info('replication')) ?? {}
      return master?.isRunning === true && master_link_status === 'up'
    })
    await expect(create(other)).resolves.toMatchObject({ id, active: false })
    await expect(close(other)).resolves.toMatchObject({ active: false })
  })
})

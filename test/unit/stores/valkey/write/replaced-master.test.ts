import { randomBytes } from 'node:crypto'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { ownerText } from '../../../../../src/core/owner-text.js'
import { uuidText, uuidV4Bytes } from '../../../../../src/core/uuid.js'
import type { Cluster } from '../../../../../src/stores/valkey/connection/cluster.js'
import type { Reply } from '../../../../../src/stores/valkey/connection/reply.js'
import { openStoreCluster } from '../../../../../src/stores/valkey/open.js'
import { ValkeyStore } from '../../../../../src/stores/valkey/store.js'
import {
  commandSession,
  EPOCHS,
  ended,
  insert,
  tokenSession,
} from '../../../../support/store-sessions.js'
import { suiteEnd } from '../../../../support/suite-end.js'
import { type EngineNode, haveValkey, startValkey } from '../../../../support/valkey-cluster.js'
import { engineSettings, openValkeyStore } from '../../../../support/valkey-store.js'

/**
 * A cluster whose master was replaced by one that knows other writes, while this server still reads from the former. What is
 * read before `replace` is what the former knows; writes go to whoever is the master now.
 */
function withFormerMaster(cluster: Cluster) {
  const known = new Map<string, Reply>()
  let isReplaced = false
  return {
    replace: () => {
      isReplaced = true
    },
    cluster: {
      ...cluster,
      async read(...call: Parameters<Cluster['read']>) {
        const asked = JSON.stringify(call)
        const found = known.get(asked)
        if (isReplaced && found !== undefined) {
          // The next read is of whoever is the master now: otherwise a server would ask in vain.
          known.delete(asked)
          return found
        }
        const reply = await cluster.read(...call)
        known.set(asked, reply)
        return reply
      },
    },
  }
}

describe.skipIf(!haveValkey())('a master that was replaced, and still answers reads', () => {
  let node: EngineNode
  const atEnd = suiteEnd()
  beforeAll(async () => {
    node = await startValkey(atEnd)
  })

  /** A server that reads from the former master, and one that does not. */
  async function twoServers() {
    await node.call('FLUSHALL')
    const opened = await openStoreCluster(engineSettings(node.address), EPOCHS, node.address)
    const { cluster, replace } = withFormerMaster(opened.cluster)
    const late = await ValkeyStore.over(cluster, opened.info)
    const other = await openValkeyStore(node.address)
    onTestFinished(async () => {
      await late.close()
      await other.close()
    })
    const idFor = (userId: string) => uuidText(uuidV4Bytes(randomBytes(16), late.idBits(userId)))
    return { late, other, replace, idFor }
  }

  it('does not make a server say that a session has ended whose ending was lost', async () => {
    const { late, other, replace, idFor } = await twoServers()
    const id = idFor('alice')
    await insert(other, commandSession(id))
    await other.update(id, (session) => ({ session: ended(session) }))
    // The former master has the ending, and the one that replaced it does not.
    expect(await late.get(id)).toMatchObject({ active: false })
    await other.update(id, () => ({ session: commandSession(id, { requestTimeMs: 2000 }) }))
    replace()
    const seen: boolean[] = []
    const left = await late.update(id, (session) => {
      seen.push(session.active)
      return null
    })
    expect(left).toMatchObject({ active: true, requestTimeMs: 2000 })
    expect(seen.at(-1)).toBe(true)
  })

  it('does not make a server settle a deadline by what it shows', async () => {
    const { late, other, replace, idFor } = await twoServers()
    const id = idFor('alice')
    const settles = { kind: 'session', timeMs: 5000, id } as const
    await insert(other, commandSession(id), { sweepAtMs: 5000 })
    await late.get(id)
    await other.update(id, (session) => ({ session: { ...session, requestTimeMs: 2000 } }))
    replace()
    const seen: number[] = []
    const change = ({ requestTimeMs }: { requestTimeMs: number }) => {
      seen.push(requestTimeMs)
      return null
    }
    await late.update(id, change, { settles, durable: false })
    expect(seen.at(-1)).toBe(2000)
    expect(await other.due(6000, 10)).toEqual([])
  })

  it('does not make a repeated request be answered with a session that was lost', async () => {
    const { late, other, replace, idFor } = await twoServers()
    const owner = Uint8Array.of(1, 2, 3)
    const userId = ownerText(owner)
    const key = { owner, signer: owner, key: 'a' }
    // With `oldest` an insert begins with a read.
    const scope = { userId, idempotency: key, countOpenOfUser: true, oldest: 1 }
    const open = (store: ValkeyStore) =>
      store.insert(scope, ({ idempotency }) =>
        idempotency?.session
          ? { keep: idempotency.session }
          : {
              insert: {
                session: tokenSession(idFor(userId), { userId }),
                seal: owner,
                idempotency: { bodySha256: new Uint8Array(32), expiresTimeMs: 5 },
              },
            },
      )
    const first = await open(other)
    expect((await open(late)).id).toBe(first.id)
    await other.forget(key, () => true)
    await other.remove(first.id, () => true)
    replace()
    const again = await open(late)
    expect(again.id).not.toBe(first.id)
    expect(await other.get(first.id)).toBeUndefined()
    expect(await other.get(again.id)).toMatchObject({ active: true })
  })

  it('does not make a server keep an idempotency key for good', async () => {
    const { late, other, replace, idFor } = await twoServers()
    const owner = Uint8Array.of(1, 2, 3)
    const userId = ownerText(owner)
    const key = { owner, signer: owner, key: 'a' }
    const open = (expiresTimeMs: number) =>
      insert(
        other,
        tokenSession(idFor(userId), { userId }),
        { seal: owner, idempotency: { bodySha256: new Uint8Array(32), expiresTimeMs } },
        { idempotency: key },
      )
    await open(9000)
    // The former master has an entry that expires later.
    await late.forget(key, () => false)
    await other.forget(key, () => true)
    await open(5000)
    replace()
    await late.settle([{ kind: 'idempotency', timeMs: 5000, scope: key }])
    const left: unknown[] = []
    for await (const slice of other.walkIdempotency(owner)) {
      left.push(...slice)
    }
    expect(left).toEqual([])
  })

  it('does not make a server lose the way to a session', async () => {
    const { late, other, replace } = await twoServers()
    // An id that does not name the shard.
    const id = 'from elsewhere'
    const settles = { kind: 'session', timeMs: 5000, id } as const
    await insert(other, commandSession(id), { sweepAtMs: 5000 })
    await other.remove(id, () => true)
    // The former master has the deadline, and not the session.
    await late.settle([settles])
    await insert(other, commandSession(id), { sweepAtMs: 5000 })
    replace()
    await late.settle([settles])
    const third = await openValkeyStore(node.address)
    onTestFinished(() => third.close())
    expect(await third.get(id)).toMatchObject({ active: true })
  })

  it('is not believed where a session must be proven, which a read alone is not', async () => {
    const { late, other, replace, idFor } = await twoServers()
    const [changed, deleted, same] = ['alice', 'bob', 'carol'].map((userId) => idFor(userId))
    for (const [id, userId] of [
      [changed, 'alice'],
      [deleted, 'bob'],
      [same, 'carol'],
    ] as const) {
      await insert(other, commandSession(id as string, { userId }))
      await late.get(id as string)
    }
    await other.update(changed as string, (session) => ({ session: ended(session) }))
    await other.remove(deleted as string, () => true)
    replace()
    expect(await late.get(changed as string)).toMatchObject({ active: true })
    const proven = (id: string | undefined) => late.get(id as string, { proven: true })
    expect(await proven(changed)).toMatchObject({ active: false })
    expect(await proven(deleted)).toBeUndefined()
    expect(await proven(same)).toMatchObject({ active: true })
    expect(await proven(idFor('nobody'))).toBeUndefined()
  })
})

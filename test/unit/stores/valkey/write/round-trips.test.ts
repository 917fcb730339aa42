import { randomBytes } from 'node:crypto'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { ownerText } from '../../../../../src/core/owner-text.js'
import { uuidText, uuidV4Bytes } from '../../../../../src/core/uuid.js'
import { openStoreCluster } from '../../../../../src/stores/valkey/open.js'
import { ValkeyStore } from '../../../../../src/stores/valkey/store.js'
import { PLACE } from '../../../../conformance/given.js'
import { counting } from '../../../../support/counting-cluster.js'
import {
  commandSession,
  EPOCHS,
  ended,
  insert,
  tokenSession,
} from '../../../../support/store-sessions.js'
import { suiteEnd } from '../../../../support/suite-end.js'
import { type EngineNode, haveValkey, startValkey } from '../../../../support/valkey-cluster.js'
import { engineSettings } from '../../../../support/valkey-store.js'

describe.skipIf(!haveValkey())('round trips', () => {
  let node: EngineNode
  const atEnd = suiteEnd()
  beforeAll(async () => {
    node = await startValkey(atEnd)
  })

  async function emptyStore() {
    await node.call('FLUSHALL')
    return openStore()
  }

  async function openStore() {
    const opened = await openStoreCluster(engineSettings(node.address), EPOCHS, node.address)
    const { cluster, askedBy } = counting(opened.cluster)
    const store = await ValkeyStore.over(cluster, opened.info)
    onTestFinished(() => store.close())
    const tripsOf = async (operation: () => Promise<unknown>) => {
      // Otherwise an insert may be the one that has it counted anew.
      await store.countOpen()
      return askedBy(operation)
    }
    const idFor = (userId: string) => uuidText(uuidV4Bytes(randomBytes(16), store.idBits(userId)))
    return { store, tripsOf, idFor }
  }

  const ONE_WRITE = { writes: 1, reads: 0 }

  it('an insert that nobody contends takes one, whatever it is to see', async () => {
    const { store, tripsOf, idFor } = await emptyStore()
    const owner = Uint8Array.of(1, 2, 3)
    const userId = ownerText(owner)
    const scope = { idempotency: { owner, signer: owner, key: 'a' }, countOpenOfUser: true }
    const entry = { bodySha256: new Uint8Array(32), expiresTimeMs: 5 }
    const token = tokenSession(idFor(userId), { userId })
    expect(
      await tripsOf(() => insert(store, token, { seal: owner, idempotency: entry }, scope)),
    ).toEqual(ONE_WRITE)
    for (const client of ['browser', 'phone', 'tablet']) {
      const command = commandSession(idFor('alice'), { client })
      const reuse = { ...PLACE, client }
      expect(
        await tripsOf(() => insert(store, command, {}, { reuse, countOpenOfUser: true })),
      ).toEqual(ONE_WRITE)
    }
  })

  it('a session that this server knows is replaced, changed, ended and deleted in one each', async () => {
    const { store, tripsOf, idFor } = await emptyStore()
    const id = idFor('alice')
    await insert(store, commandSession(id), {}, { reuse: PLACE })
    const scope = { userId: 'alice', reuse: PLACE, countOpenOfUser: false }
    const later = (requestTimeMs: number) => ({ session: commandSession(id, { requestTimeMs }) })
    const replace = () => store.insert(scope, () => ({ replace: later(2000) }))
    expect(await tripsOf(replace)).toEqual(ONE_WRITE)
    expect(await tripsOf(() => store.update(id, () => later(3000)))).toEqual(ONE_WRITE)
    const end = () => store.update(id, (session) => ({ session: ended(session) }))
    expect(await tripsOf(end)).toEqual(ONE_WRITE)
    expect(await tripsOf(() => store.remove(id, () => true))).toEqual(ONE_WRITE)
  })

  it('a session that stays as this server knows it takes one, and one that is proven too', async () => {
    const { store, tripsOf, idFor } = await emptyStore()
    const id = idFor('alice')
    await insert(store, commandSession(id))
    expect(await tripsOf(() => store.update(id, () => null))).toEqual(ONE_WRITE)
    expect(await tripsOf(() => store.get(id, { proven: true }))).toEqual(ONE_WRITE)
  })

  it('a session is read in one, by the id that names its shard', async () => {
    const { store, tripsOf, idFor } = await emptyStore()
    const id = idFor('alice')
    await insert(store, commandSession(id))
    expect(await tripsOf(() => store.get(id))).toEqual({ writes: 0, reads: 1 })
  })

  it('an insert that relied on what another server changed takes one more', async () => {
    const one = await emptyStore()
    const other = await openStore()
    const scope = { userId: 'alice', reuse: PLACE, countOpenOfUser: false }
    const id = one.idFor('alice')
    // What it hears of others it reads, too.
    const heard = new Promise<void>((resolve) => other.store.subscribe(() => resolve()))
    await insert(one.store, commandSession(id), {}, { reuse: PLACE })
    await heard
    let decisions = 0
    const replace = () =>
      other.store.insert(scope, ({ reusable }) => {
        decisions++
        return reusable
          ? { replace: { session: { ...reusable, requestTimeMs: 2000 } } }
          : { insert: { session: commandSession(other.idFor('alice')) } }
      })
    expect(await other.tripsOf(replace)).toEqual({ writes: 2, reads: 0 })
    expect(decisions).toBe(2)
    await expect(one.store.get(id)).resolves.toMatchObject({ requestTimeMs: 2000 })
    expect(await one.store.countOpen()).toBe(1)
  })
})

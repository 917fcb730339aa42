import { beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { Shards } from '../../../../../src/stores/valkey/layout/shards.js'
import { openStoreCluster } from '../../../../../src/stores/valkey/open.js'
import { Leases } from '../../../../../src/stores/valkey/read/leases.js'
import { EPOCHS } from '../../../../support/store-sessions.js'
import { suiteEnd } from '../../../../support/suite-end.js'
import { haveValkey, startValkey } from '../../../../support/valkey-cluster.js'
import type { EngineNode } from '../../../../support/valkey-processes.mjs'
import { engineSettings } from '../../../../support/valkey-store.js'

const ALL = Array.from({ length: 16 }, (_, shard) => shard)

describe.skipIf(!haveValkey())('the shards that a server sweeps', () => {
  let node: EngineNode
  const atEnd = suiteEnd()
  beforeAll(async () => {
    node = await startValkey(atEnd)
  })
  beforeEach(() => node.call('FLUSHALL'))

  /** The leases of one server, whose clock the test moves. */
  async function server() {
    const { cluster } = await openStoreCluster(engineSettings(node.address), EPOCHS, 'a store')
    onTestFinished(() => cluster.close())
    const clock = { nowMs: 0 }
    const leases = new Leases(cluster, new Shards(cluster.shards), () => clock.nowMs)
    return { leases, clock }
  }

  it('are all of them where it is alone', async () => {
    const { leases } = await server()
    expect(await leases.held()).toEqual(ALL)
    expect(await leases.held()).toEqual(ALL)
  })

  it('are none that another server has', async () => {
    const [one, other] = [await server(), await server()]
    await one.leases.held()
    expect(await other.leases.held()).toEqual([])
  })

  it('are those of another server at once when it stops', async () => {
    const [one, other] = [await server(), await server()]
    await one.leases.held()
    await other.leases.held()
    await one.leases.release()
    expect(await one.leases.held()).toEqual([])
    other.clock.nowMs += 2000
    expect(await other.leases.held()).toEqual(ALL)
  })

  it('are its own only as long as the lease, which then is free for the first that asks', async () => {
    const [one, other] = [await server(), await server()]
    await one.leases.held()
    one.clock.nowMs += 10_000
    for (const shard of ALL) {
      // The engine's clock cannot be moved.
      await node.call('PEXPIRE', `{sd:${`${shard}`.padStart(3, '0')}}l`, 0)
    }
    expect(await other.leases.held()).toEqual(ALL)
    expect(await one.leases.held()).toEqual([])
  })
})

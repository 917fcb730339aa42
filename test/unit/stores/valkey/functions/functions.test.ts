import { expect, it, onTestFinished } from 'vitest'
import { openCluster } from '../../../../../src/stores/valkey/connection/cluster.js'
import { slotsOfShards } from '../../../../../src/stores/valkey/connection/slots.js'
import { Functions } from '../../../../../src/stores/valkey/functions/functions.js'
import { Shards } from '../../../../../src/stores/valkey/layout/shards.js'
import {
  describeEngines,
  type EngineCluster,
  type EngineNode,
  startValkeyCluster,
} from '../../../../support/valkey-cluster.js'
import { engineSettings } from '../../../../support/valkey-store.js'

const SHARDS = new Shards(16)
const SLOTS = slotsOfShards(SHARDS.count)

async function openFunctions(engines: EngineCluster) {
  const cluster = await openCluster(engineSettings(engines.addresses))
  onTestFinished(() => cluster.close())
  return new Functions(cluster)
}

describeEngines('what a master is asked of its shards together, in a cluster of', ({ program }) => {
  it('names those with news and those with something due, and those that it cannot read', async () => {
    const engines = await startValkeyCluster(onTestFinished, { program, masters: 2, replicas: 0 })
    const functions = await openFunctions(engines)
    const [ours = [], theirs = []] = functions.cluster.byMaster(SHARDS)
    expect([...ours, ...theirs].toSorted((a, b) => a - b)).toEqual([...SHARDS])
    const [quiet = 0, changed = 0, foreign = 0, moved = 0] = ours
    const slotOf = (shard: number) => SLOTS[shard] as number
    const [from, to] = await Promise.all(
      [ours, theirs].map(([shard = 0]) => engines.masterOf(slotOf(shard))),
    )
    const master = from as EngineNode
    const keys = (shard: number) => SHARDS.keysOf(shard)
    const cursors = new Map<number, string>()
    for (const shard of [quiet, changed, moved]) {
      cursors.set(shard, await master.call('XADD', keys(shard).events, '*', 'id', 'x', 'v', 'y'))
      await master.call('ZADD', keys(shard).deadlines, 5, 'x')
    }
    const news = () =>
      functions.which('news', ours, (shard) => [keys(shard).events, cursors.get(shard) ?? ''])
    const due = (max: string) =>
      functions.which('due', ours, (shard) => [keys(shard).deadlines, max])

    expect(await news()).toEqual([])
    expect(await due('(5')).toEqual([])
    expect(await due('+inf')).toEqual([quiet, changed, moved])

    await master.call('XADD', keys(changed).events, '*', 'id', 'x', 'v', 'z')
    await master.call('SET', keys(foreign).events, 'of somebody else')
    expect(await news()).toEqual([changed, foreign])

    await engines.moveSlot(slotOf(moved), to as EngineNode)
    expect(await news()).toEqual([changed, foreign, moved])
    expect(await due('(5')).toEqual([moved])
  })
})

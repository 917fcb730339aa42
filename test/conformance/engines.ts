import { beforeAll } from 'vitest'
import { suiteEnd } from '../support/suite-end.js'
import {
  describeEngines,
  type Engine,
  startValkey,
  startValkeyCluster,
} from '../support/valkey-cluster.js'
import type { EngineNode } from '../support/valkey-processes.mjs'
import { openValkeyStore } from '../support/valkey-store.js'
import type { StoreHarness } from './given.js'
import { storeConformance } from './suite.js'

type Nodes = readonly EngineNode[]
type AtEnd = ReturnType<typeof suiteEnd>

/** An empty store for each test, in engines that the suite shares. */
async function emptyStore(nodes: Nodes, replicas: number): Promise<StoreHarness> {
  const addresses = nodes.map(({ address }) => address).join(',')
  const open = () => openValkeyStore(addresses, { replicas })
  for (const node of nodes) {
    if ((await node.info('replication')).role === 'master') {
      await node.call('FLUSHALL')
    }
  }
  let store = await open()
  return {
    store,
    served: store,
    async reopen() {
      await store.close()
      store = await open()
      return store
    },
    dispose: () => store.close(),
  }
}

const LACKS = { lacks: ['snapshots'] } as const

/** The suite over a store in one such engine, and in a cluster of them. */
export function engineConformance(engine: Engine): void {
  const suite = (title: string, replicas: number, start: (atEnd: AtEnd) => Promise<Nodes>) =>
    describeEngines(title, () => {
      let nodes: Nodes
      const atEnd = suiteEnd()
      beforeAll(async () => {
        nodes = await start(atEnd)
      })
      storeConformance('ValkeyStore', () => emptyStore(nodes, replicas), LACKS)
    }, [engine])
  const { program } = engine
  suite('one', 0, async (atEnd) => [await startValkey(atEnd, { program })])
  suite('a cluster of', 1, async (atEnd) => (await startValkeyCluster(atEnd, { program })).nodes)
}

import { beforeAll, describe } from 'vitest'
import { suiteEnd } from '../support/suite-end.js'
import { ENGINES, startValkey, startValkeyCluster } from '../support/valkey-cluster.js'
import type { EngineNode } from '../support/valkey-processes.mjs'
import { openValkeyStore } from '../support/valkey-store.js'
import type { StoreHarness } from './given.js'
import { storeConformance } from './suite.js'

/** An empty store for each test, in engines that the suite shares. */
async function emptyStore(nodes: readonly EngineNode[], replicas: number): Promise<StoreHarness> {
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

for (const { name, program } of ENGINES) {
  describe(`one ${name}`, () => {
    let node: EngineNode
    const atEnd = suiteEnd()
    beforeAll(async () => {
      node = await startValkey(atEnd, { program })
    })
    storeConformance('ValkeyStore', () => emptyStore([node], 0), LACKS)
  })
}

for (const { name, program } of ENGINES) {
  describe(`a cluster of ${name}`, () => {
    let nodes: readonly EngineNode[]
    const atEnd = suiteEnd()
    beforeAll(async () => {
      ;({ nodes } = await startValkeyCluster(atEnd, { program }))
    })
    storeConformance('ValkeyStore', () => emptyStore(nodes, 1), LACKS)
  })
}

import { existsSync } from 'node:fs'
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

/** Keeps what engines sync in memory, where a file system is there: these tests end no engine. */
const IN_MEMORY = existsSync('/dev/shm') ? { parent: '/dev/shm' } : {}

async function mastersOf(nodes: Nodes): Promise<Nodes> {
  const roles = await Promise.all(nodes.map((node) => node.info('replication')))
  return nodes.filter((_, i) => roles[i]?.role === 'master')
}

/** An empty store for each test, in engines that the suite shares. */
async function emptyStore(nodes: Nodes, masters: Nodes, replicas: number): Promise<StoreHarness> {
  const addresses = nodes.map(({ address }) => address).join(',')
  const open = () => openValkeyStore(addresses, { replicas })
  await Promise.all(masters.map((master) => master.call('FLUSHALL')))
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
      let masters: Nodes
      const atEnd = suiteEnd()
      beforeAll(async () => {
        nodes = await start(atEnd)
        masters = await mastersOf(nodes)
      })
      storeConformance('ValkeyStore', () => emptyStore(nodes, masters, replicas), LACKS)
    }, [engine])
  const options = { program: engine.program, ...IN_MEMORY }
  suite('one', 0, async (atEnd) => [await startValkey(atEnd, options)])
  suite('a cluster of', 1, async (atEnd) => (await startValkeyCluster(atEnd, options)).nodes)
}

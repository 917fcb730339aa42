import type { ServerProcess } from './process.js'
import { type EngineCluster, type EngineNode, until } from './valkey-cluster.js'

/** What a fault may break. */
export interface Scene {
  readonly cluster: EngineCluster
  /** The slot of a shard. */
  readonly slot: number
  /** Resolves once the servers have refused something since the last call. */
  refused(): Promise<void>
  /** Kills a server, and starts it again. */
  replaceServer(): Promise<ServerProcess>
}

export interface Fault {
  readonly name: string
  /** Resolves when it is mended, as whoever watches over the processes would mend it. */
  strike(scene: Scene): Promise<unknown>
}

/** What `make test` does five times, and `make test-long` a hundred times. */
export const FAULTS: readonly Fault[] = [
  {
    name: 'a master is killed',
    async strike({ cluster, slot }) {
      const master = await cluster.masterOf(slot)
      await master.kill()
      await replaced(cluster, slot, master)
      await master.start()
    },
  },
  {
    name: 'a replica is killed',
    async strike({ cluster, slot, refused }) {
      const [, replica] = await cluster.nodesOf(slot)
      await replica?.kill()
      await refused()
      await replica?.start()
    },
  },
  { name: 'a server is killed', strike: ({ replaceServer }) => replaceServer() },
  {
    name: 'a slot moves to another master',
    async strike({ cluster, slot }) {
      const from = await cluster.masterOf(slot)
      const masters = await Promise.all([0, 5461, 10923, 16383].map((at) => cluster.masterOf(at)))
      await cluster.moveSlot(slot, masters.find((one) => one !== from) as EngineNode)
    },
  },
  {
    name: 'a master is stopped past the node timeout, and goes on',
    async strike({ cluster, slot }) {
      const master = await cluster.masterOf(slot)
      master.pause()
      try {
        await replaced(cluster, slot, master)
      } finally {
        master.resume()
      }
    },
  },
  {
    name: 'the memory of a master is full',
    async strike({ cluster, slot, refused }) {
      const master = await cluster.masterOf(slot)
      await master.call('CONFIG', 'SET', 'maxmemory', 1)
      await refused()
      await master.call('CONFIG', 'SET', 'maxmemory', 0)
    },
  },
  {
    name: 'the disk under the append-only file of a master is full',
    async strike({ cluster, slot }) {
      const master = await cluster.masterOf(slot)
      master.fillDisk()
      // It acknowledges nothing that it cannot write, and ends.
      await master.exited
      await replaced(cluster, slot, master)
      await master.start()
    },
  },
]

function replaced(cluster: EngineCluster, slot: number, master: EngineNode): Promise<void> {
  return until('a replica has taken over', async () => (await cluster.masterOf(slot)) !== master)
}

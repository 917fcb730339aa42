import { AsyncLocalStorage } from 'node:async_hooks'
import type { Cluster } from '../../src/stores/valkey/connection/cluster.js'

/** What a store asked of its engine: the calls, by kind. */
export interface Asked {
  writes: number
  reads: number
}

/** The same cluster, and what an operation asks of it. What the store asks by itself meanwhile is not counted. */
export function counting(cluster: Cluster): {
  readonly cluster: Cluster
  readonly askedBy: (operation: () => Promise<unknown>) => Promise<Asked>
} {
  const counted = new AsyncLocalStorage<Asked>()
  const count = (kind: keyof Asked) => {
    const asked = counted.getStore()
    if (asked !== undefined) {
      asked[kind]++
    }
  }
  return {
    async askedBy(operation) {
      const asked = { writes: 0, reads: 0 }
      await counted.run(asked, operation)
      return asked
    },
    cluster: {
      ...cluster,
      write(...call) {
        count('writes')
        return cluster.write(...call)
      },
      read(...call) {
        count('reads')
        return cluster.read(...call)
      },
    },
  }
}

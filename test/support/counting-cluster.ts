import type { Cluster } from '../../src/stores/valkey/connection/cluster.js'

/** What a store asked of its engine: the calls, by kind. */
export interface Asked {
  writes: number
  reads: number
}

/** The same cluster, which counts what it is asked. */
export function counting(cluster: Cluster): { readonly cluster: Cluster; readonly asked: Asked } {
  const asked = { writes: 0, reads: 0 }
  return {
    asked,
    cluster: {
      ...cluster,
      write(...call) {
        asked.writes++
        return cluster.write(...call)
      },
      read(...call) {
        asked.reads++
        return cluster.read(...call)
      },
    },
  }
}

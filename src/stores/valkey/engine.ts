import type { ServedStore, StoreEngine, StoreOptions, StorePlace } from '../engine.js'
import { expectNotLost, noteMade } from '../traces.js'
import { readEngineAddress } from './connection/address.js'
import { openCluster } from './connection/cluster.js'
import { LIBRARY } from './functions/library.js'
import { DEFAULT_SHARDS } from './layout/shards.js'
import { infoIn, openStoreCluster } from './open.js'
import { ValkeyStore } from './store.js'

/** How long the engine may take for a command. */
const TIMEOUT_MS = 2000

/** A store in a Valkey or Redis server or cluster, which several servers may share. */
export function valkeyEngine({ kind, address, replicas, traces }: StorePlace): StoreEngine {
  const { seeds, user, isTls } = readEngineAddress(kind, address)
  const location = `${kind}:${address}`
  const settings = {
    ...{ seeds, user, replicas, nat: new Map(), password: () => null },
    tls: isTls ? { ca: null } : null,
    timeoutMs: TIMEOUT_MS,
    library: LIBRARY.source,
    shards: DEFAULT_SHARDS,
  }
  return {
    location,
    async exists(): Promise<boolean> {
      const cluster = await openCluster(settings)
      try {
        return (await infoIn(cluster, location)) !== undefined
      } finally {
        await cluster.close()
      }
    },
    async open(options: StoreOptions): Promise<ServedStore> {
      const makes = () => expectNotLost(location, traces)
      const cluster = await openStoreCluster(settings, options.epochs, location, makes)
      try {
        const store = await ValkeyStore.over(cluster, options)
        await noteMade(traces)
        return store
      } catch (error) {
        await cluster.close()
        throw error
      }
    },
  }
}

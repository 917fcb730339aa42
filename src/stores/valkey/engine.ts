import { setTimeout as sleep } from 'node:timers/promises'
import { StoreLockedError, StoreMismatchError } from '../../core/errors.js'
import type { ServedStore, StoreEngine, StoreHooks, StoreOptions, StorePlace } from '../engine.js'
import { expectNotLost, noteMade } from '../traces.js'
import { accessSettings } from './access.js'
import { type Cluster, openCluster } from './connection/cluster.js'
import { expectSafe } from './engine-check.js'
import { Functions } from './functions/functions.js'
import { LIBRARY } from './functions/library.js'
import { DEFAULT_SHARDS, Shards } from './layout/shards.js'
import { checkStore } from './maintenance/check.js'
import { restoreInPlace } from './maintenance/restore.js'
import { infoIn, openStoreCluster } from './open.js'
import { ValkeyStore } from './store.js'

/** A store in a Valkey or Redis server or cluster, which several servers may share. */
export function valkeyEngine(place: StorePlace): StoreEngine {
  const { kind, address, traces } = place
  const location = `${kind}:${address}`
  const settingsFor = (hooks: StoreHooks = {}) => ({
    ...accessSettings(place, hooks),
    ...{ library: LIBRARY.source, shards: DEFAULT_SHARDS, traffic: hooks },
  })
  return {
    location,
    async exists(): Promise<boolean> {
      const cluster = await openCluster(settingsFor())
      try {
        return (await infoIn(cluster, location)) !== undefined
      } finally {
        await cluster.close()
      }
    },
    async open(options: StoreOptions): Promise<ServedStore> {
      const makes = () => expectNotLost(location, traces)
      const settings = settingsFor(options)
      const { cluster, info } = await openStoreCluster(settings, options.epochs, location, makes)
      try {
        const isSafe = () => expectSafe(cluster, settings.replicas)
        await isSafe()
        await (options.isCopied && expectUnused(cluster, location))
        const store = await ValkeyStore.over(cluster, info, { ...options, expectSafe: isSafe })
        await (options.isCopied || noteMade(traces))
        return store
      } catch (error) {
        await cluster.close()
        throw error
      }
    },
    async *check(ports) {
      const missing = () => Promise.reject(new StoreMismatchError(`${location} holds no store`))
      const { cluster } = await openStoreCluster(settingsFor(), ports.epochs, location, missing)
      try {
        const parts = { shards: new Shards(cluster.shards), functions: new Functions(cluster) }
        yield* checkStore(parts, ports)
      } finally {
        await cluster.close()
      }
    },
    async restore(items, name, source) {
      const settings = settingsFor()
      const cluster = await openCluster(settings)
      try {
        await expectSafe(cluster, settings.replicas)
        return await restoreInPlace(cluster, items, { name, location, ...(source && { source }) })
      } finally {
        await cluster.close()
      }
    },
  }
}

/** Servers have leases of the shards: within this time after a start, or after the end of a lease. */
const LEASED_WITHIN_MS = 3000
const LOOK_INTERVAL_MS = 500

/** Throws StoreLockedError if a server uses the store, or did so a moment ago. */
async function expectUnused(cluster: Cluster, location: string): Promise<void> {
  const shards = new Shards(cluster.shards)
  for (let lookedMs = 0; lookedMs <= LEASED_WITHIN_MS; lookedMs += LOOK_INTERVAL_MS) {
    const leases = await Promise.all(
      Array.from(shards, (shard) =>
        cluster.command(shard, [['EXISTS', shards.keysOf(shard).lease]]),
      ),
    )
    if (leases.flat().some((reply) => reply !== 0)) {
      throw new StoreLockedError(location)
    }
    await sleep(LOOK_INTERVAL_MS)
  }
}

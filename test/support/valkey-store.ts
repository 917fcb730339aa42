import { readTcpAddress, type TcpAddress } from '../../src/net/address.js'
import type { StoreHooks } from '../../src/stores/engine.js'
import type { ClusterSettings } from '../../src/stores/valkey/connection/cluster.js'
import { LIBRARY } from '../../src/stores/valkey/functions/library.js'
import { openStoreCluster } from '../../src/stores/valkey/open.js'
import { ValkeyStore } from '../../src/stores/valkey/store.js'
import { EPOCHS } from './store-sessions.js'

/** How a store connects to these engines, `HOST:PORT`. */
export function engineSettings(
  addresses: string,
  settings: Partial<ClusterSettings> = {},
): ClusterSettings {
  return {
    seeds: addresses.split(',').map((address) => readTcpAddress(address) as TcpAddress),
    nat: new Map(),
    user: null,
    password: () => null,
    tls: null,
    timeoutMs: 5000,
    replicas: 0,
    library: LIBRARY.source,
    shards: 16,
    ...settings,
  }
}

/** Opens the store of these engines, as a server of its own. */
export async function openValkeyStore(
  addresses: string,
  settings: Partial<ClusterSettings> = {},
  hooks: StoreHooks = {},
): Promise<ValkeyStore> {
  const made = engineSettings(addresses, settings)
  const { cluster, info } = await openStoreCluster(made, EPOCHS, addresses)
  return ValkeyStore.over(cluster, info, hooks)
}

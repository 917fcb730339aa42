import type { EpochSettings } from '../../core/epoch.js'
import { StoreMismatchError, StoreUnavailableError } from '../../core/errors.js'
import { expectEpochs } from '../epochs.js'
import { type Cluster, type ClusterSettings, openCluster } from './connection/cluster.js'
import { valueIn } from './connection/reply.js'
import { Functions } from './functions/functions.js'
import { type Info, infoValue, newInfo, readInfo } from './layout/info.js'
import { FILLING_KEY, INFO_KEY } from './layout/keys.js'

/**
 * Connects to the store of this cluster, and says what its servers agreed on. Makes the store if there is none, after `onMake`, with as many shards as
 * `settings` says. Throws StoreUnavailableError, StoreDamagedError, and StoreMismatchError if it was made with other epochs.
 */
export async function openStoreCluster(
  settings: ClusterSettings,
  epochs: EpochSettings,
  location: string,
  onMake: () => Promise<void> = async () => {},
): Promise<{ readonly cluster: Cluster; readonly info: Info }> {
  const cluster = await openCluster(settings)
  let info: Info | undefined
  try {
    info = await infoIn(cluster, location)
    if (info === undefined) {
      await onMake()
      info = await makeInfo(cluster, epochs, location)
    }
    expectEpochs(info.epochs, epochs, location)
  } catch (error) {
    await cluster.close()
    throw error
  }
  const { shards } = info
  if (shards === cluster.shards) {
    return { cluster, info }
  }
  await cluster.close()
  return { cluster: await openCluster({ ...settings, shards }), info }
}

/** What the servers of the store agreed on; undefined if there is no store. Throws StoreMismatchError where one is being filled. */
export async function infoIn(cluster: Cluster, location: string): Promise<Info | undefined> {
  const [info, filling] = await new Functions(cluster).look(0, [
    { kind: 'value', key: INFO_KEY },
    { kind: 'value', key: FILLING_KEY },
  ])
  if (valueIn(filling) !== undefined) {
    throw new StoreMismatchError(
      `${location} is being filled by a restore or a migration, or one was interrupted: run that again if it is not under way`,
    )
  }
  const stored = valueIn(info)
  return stored && readInfo(stored, location)
}

/** Of several servers that begin at once, one makes it. */
async function makeInfo(cluster: Cluster, epochs: EpochSettings, location: string): Promise<Info> {
  const value = infoValue(newInfo(epochs, cluster.shards))
  const absent = [INFO_KEY, FILLING_KEY].map((key) => ({ kind: 'value', key, brief: '' }) as const)
  await new Functions(cluster).commit(0, absent, [['SET', INFO_KEY, value]])
  const info = await infoIn(cluster, location)
  if (info === undefined) {
    throw new StoreUnavailableError(`${location} lost what was just written`)
  }
  return info
}

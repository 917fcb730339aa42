import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Config, ConfigError } from '../config.js'
import type { EpochSettings } from '../core/epoch.js'
import type { Logger } from '../log.js'
import type { Metrics } from '../metrics.js'
import { LevelStore } from '../stores/level/store.js'
import { openSpan } from '../trace.js'
import { waitForLock } from '../wait-for-lock.js'

/**
 * Opens the store, as soon as no other server has it. `stop` ends the wait, with an AbortError. Throws
 * ConfigError where a new one would have no epoch yet.
 */
export async function openStore(
  { dataDir, waitForLockMs }: Config,
  epochs: EpochSettings,
  metrics: Metrics,
  log: Logger,
  stop?: AbortSignal,
): Promise<LevelStore> {
  const location = join(dataDir, 'store')
  // For good, once it is made. Of one that is there it is the clock that is wrong.
  if (epochs.genesisMs > Date.now() && !existsSync(location)) {
    throw new ConfigError([
      '--epoch-genesis: is yet to come: until then no session could be opened',
    ])
  }
  const open = () =>
    LevelStore.open(location, {
      epochs,
      onFailure(err) {
        metrics.storeFailed()
        log.error({ event: 'store-failed', err }, 'writes are refused for now')
      },
      onRecovery: () => log.info({ event: 'store-recovered' }, 'writes go on'),
      onCommit: (durationMs, writes) => metrics.committed(durationMs, writes),
      onWrite: () => openSpan('store commit'),
    })
  return waitForLock(open, waitForLockMs, {
    sleep: (ms) => sleep(ms, undefined, { ...(stop && { signal: stop }) }),
    onWaiting: (waitedMs) =>
      log.info({ event: 'waiting-for-lock', waitedMs }, 'another server has the data directory'),
  })
}

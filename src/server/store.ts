import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { ConfigError } from '../config/config.js'
import type { Config } from '../config/serve-options.js'
import { storeLocation, storeTraces } from '../config/store-location.js'
import type { EpochSettings } from '../core/epoch.js'
import type { Logger } from '../observability/log.js'
import type { Metrics } from '../observability/metrics.js'
import { openSpan } from '../observability/trace.js'
import { StartAttempts } from '../stores/level/maintenance/start-check.js'
import { LevelStore } from '../stores/level/store.js'
import { waitForLock } from './wait-for-lock.js'

/**
 * Opens the store, as soon as no other server has it. `stop` ends the wait, with an AbortError. Throws
 * ConfigError where a new one would have no epoch yet.
 */
export async function openStore(
  config: Config,
  epochs: EpochSettings,
  metrics: Metrics,
  log: Logger,
  stop?: AbortSignal,
): Promise<LevelStore> {
  const { waitForLockMs, acceptDamage } = config
  const location = storeLocation(config)
  // For good, once it is made. Of one that is there it is the clock that is wrong.
  if (epochs.genesisMs > Date.now() && !existsSync(location)) {
    throw new ConfigError([
      '--epoch-genesis: is yet to come: until then no session could be opened',
    ])
  }
  const attempts = new StartAttempts()
  const open = () =>
    LevelStore.open(location, {
      attempts,
      epochs,
      acceptDamage,
      traces: storeTraces(config),
      onDamage: (problem) =>
        log.error({ event: 'store-damaged', problem }, 'stop the server and repair the store'),
      onGone: (reason) =>
        log.error(
          { event: 'store-gone', reason },
          'no write is taken any more: back it up, and stop it',
        ),
      onBlind: (err) =>
        log.error(
          { event: 'store-unseen', err },
          "whether the store's files are there is not known",
        ),
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

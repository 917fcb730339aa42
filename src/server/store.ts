import { ConfigError } from '../config/config.js'
import type { Config } from '../config/serve-options.js'
import { storePlace } from '../config/store-place.js'
import type { EpochSettings } from '../core/epoch.js'
import { sleep } from '../net/timers.js'
import type { Logger } from '../observability/log.js'
import type { Metrics } from '../observability/metrics.js'
import { openSpan } from '../observability/trace.js'
import type { ServedStore, StoreHooks } from '../stores/engine.js'
import { storeEngine } from '../stores/index.js'
import { waitForLock } from './wait-for-lock.js'

const UPGRADE_LOG_INTERVAL_MS = 5_000

/**
 * Opens the store, and waits while another server has it. `stop` ends the wait with an AbortError. Throws ConfigError
 * where epoch 0 of a new store would lie in the future.
 */
export async function openStore(
  config: Config,
  epochs: EpochSettings,
  metrics: Metrics,
  log: Logger,
  stop?: AbortSignal,
): Promise<ServedStore> {
  const { waitForLockMs, acceptDamage } = config
  const engine = await storeEngine(storePlace(config))
  // A new store would keep this genesis for good. With an existing store, the clock is wrong instead.
  if (epochs.genesisAtMs > Date.now() && !(await engine.exists())) {
    throw new ConfigError([
      '--epoch-genesis: is yet to come: until then no session could be opened',
    ])
  }
  const options = { epochs, acceptDamage, ...storeHooks(metrics, log) }
  return waitForLock(() => engine.open(options), waitForLockMs, {
    sleep: (ms) => sleep(ms, stop),
    onWaiting: (waitedMs) =>
      log.info({ event: 'waiting-for-lock', waitedMs }, 'another server has the data directory'),
  })
}

/** Logs damage that no caller sees. What to do differs: not every kind of store can be repaired. */
export function damageLog(log: Pick<Logger, 'error'>): NonNullable<StoreHooks['onDamage']> {
  return (problem, file) =>
    log.error(
      { event: 'store-damaged', ...(file !== undefined && { file }), problem },
      '`sessiond check` shows what else is damaged; docs/operations.md, "Damage", says what to do',
    )
}

/** Logs where an upgrade begins, where it is every few seconds, and where it is done. */
export function upgradeLog(
  log: Pick<Logger, 'info'>,
  nowMs: () => number = () => performance.now(),
): NonNullable<StoreHooks['onUpgrade']> {
  let nextAtMs = Number.NEGATIVE_INFINITY
  return (rows, isDone) => {
    if (isDone) {
      log.info({ event: 'store-upgraded', rows }, 'the store has the layout of this release')
    } else if (nowMs() >= nextAtMs) {
      nextAtMs = nowMs() + UPGRADE_LOG_INTERVAL_MS
      log.info(
        { event: 'store-upgrading', rows },
        'an earlier release wrote the store: its rows get the layout of this one',
      )
    }
  }
}

function storeHooks(metrics: Metrics, log: Logger): StoreHooks {
  return {
    onDamage: damageLog(log),
    onLost: (reason) =>
      log.error(
        { event: 'store-gone', reason },
        'the store refuses all writes: back it up, then stop the server',
      ),
    onUnseen: (err) =>
      log.error(
        { event: 'store-unseen', err },
        "cannot tell whether the store's files are still there",
      ),
    onUpgrade: upgradeLog(log),
    onFailure(err) {
      metrics.storeFailed()
      log.error({ event: 'store-failed', err }, 'the store refuses writes for now')
    },
    onRecovery: () => log.info({ event: 'store-recovered' }, 'the store takes writes again'),
    onTlsUnread: ({ message }) =>
      log.warn(
        { event: 'store-tls-not-read', reason: message },
        'connections to the engine get what the files held before',
      ),
    onCommit: (durationMs, writes) => metrics.committed(durationMs, writes),
    onRoundTrip: (durationMs, waitMs) => metrics.roundTripEnded(durationMs, waitMs),
    onRetry: () => metrics.storeRetried(),
    onWrite: () => openSpan('store commit'),
  }
}

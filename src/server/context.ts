import type { Config } from '../config/serve-options.js'
import { VERSION } from '../config/version.js'
import type { CallObserver } from '../core/calls.js'
import { PAGE } from '../core/commands/list-sessions.js'
import type { Lifecycle } from '../net/lifecycle.js'
import { Unsent, unsentLimits } from '../net/unsent.js'
import type { Logger } from '../observability/log.js'
import { Metrics } from '../observability/metrics.js'
import { observeCalls } from '../observability/observe-calls.js'

/** What every part of a server needs. */
export interface ServerContext {
  readonly config: Config
  readonly log: Logger
  readonly metrics: Metrics
  /** Observes every call, whatever the transport. */
  readonly observer: CallObserver
  /** Reports that a peer hit a limit. */
  readonly onLimited: (limit: string, peer: string) => void
  /** Counts the unread answers of all listeners. */
  readonly unsent: Unsent
  /** Closes what is added to it when the server ends. */
  readonly lifecycle: Lifecycle
}

export function openContext(config: Config, log: Logger, lifecycle: Lifecycle): ServerContext {
  const metrics = new Metrics(VERSION)
  // Any peer can cause this.
  const onLimited = (limit: string, peer: string) => {
    metrics.limited(limit)
    log.info({ event: 'limited', limit, peer }, 'refused or cut off a peer')
  }
  const unsent = new Unsent(onLimited, unsentLimits(PAGE * config.maxDataBytes))
  lifecycle.add(unsent.start())
  return {
    config,
    log,
    metrics,
    observer: observeCalls(log, metrics),
    onLimited,
    unsent,
    lifecycle,
  }
}

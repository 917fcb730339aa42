import { collectDefaultMetrics, Registry } from 'prom-client'
import { CallMetrics } from './call-metrics.js'
import { Series } from './series.js'
import { SharedText } from './shared-text.js'
import { type MetricsSources, readSources } from './source-metrics.js'

/** Seconds. */
const COMMIT_BUCKETS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1, 5]
const CRYPTO_BUCKETS = [0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.01]
const SWEEP_BUCKETS = [0.001, 0.01, 0.1, 1, 10, 60]
const GROUP_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]

/** prom-client's default of 10 ms would wake an idle server a hundred times a second. */
const EVENT_LOOP_PRECISION_MS = 50

/** Metrics of the process: one set, however many servers run in it. */
let processMetrics: Registry | undefined

function startProcessMetrics(): Registry {
  const register = new Registry()
  collectDefaultMetrics({ register, eventLoopMonitoringPrecision: EVENT_LOOP_PRECISION_MS })
  // They are NaN where nothing was measured since the last scrape.
  for (const name of ['min', 'mean', 'stddev']) {
    register.removeSingleMetric(`nodejs_eventloop_lag_${name}_seconds`)
  }
  return register
}

/** The metrics that Prometheus reads. docs/operations.md lists every name. */
export class Metrics {
  readonly contentType: string
  private readonly series = new Series()
  readonly calls = new CallMetrics(this.series)
  private readonly process: Registry
  private readonly rendered = new SharedText(async () =>
    [await this.series.registry.metrics(), await this.process.metrics()].join(''),
  )

  readonly senecaPeerRefused = this.series.events(
    'seneca_refused_total',
    'Connections and requests refused before an act was read.',
  )
  private readonly commitTook = this.series.durations(
    'store_commit_duration_seconds',
    'Time to write one commit to disk.',
    COMMIT_BUCKETS,
  )
  private readonly commitWrites = this.series.histogram(
    'store_commit_writes',
    'Writes in one commit.',
    GROUP_BUCKETS,
  )
  private readonly roundTripTook = this.series.durations(
    'store_round_trip_duration_seconds',
    'Time until the engine answered calls that went to it together.',
    COMMIT_BUCKETS,
  )
  private readonly replicasTook = this.series.durations(
    'store_replica_wait_duration_seconds',
    'Time that it then took until replicas had the writes.',
    COMMIT_BUCKETS,
  )
  readonly storeRetried = this.series.events(
    'store_retries_total',
    'Calls that went to the engine once more.',
  )
  readonly storeFailed = this.series.events(
    'store_failures_total',
    'Failed commits. After one, writes are refused until the store is reopened.',
  )
  readonly signed = this.series.durations(
    'sign_duration_seconds',
    'Time to make the signatures of a response.',
    CRYPTO_BUCKETS,
  )
  readonly verified = this.series.durations(
    'verify_duration_seconds',
    'Time to verify the signatures of a request. Cache hits are not counted.',
    CRYPTO_BUCKETS,
  )
  readonly sweepEnded = this.series.durations(
    'sweep_duration_seconds',
    'Duration of a sweep.',
    SWEEP_BUCKETS,
  )
  readonly sweepFailed = this.series.events('sweep_failures_total', 'Failed sweeps.')
  private readonly limitedTotal = this.series.counter(
    'limited_total',
    'Calls and connections refused by a limit.',
    ['limit'],
  )
  readonly auditFailed = this.series.events(
    'audit_failures_total',
    'Times the audit log stopped accepting entries.',
  )

  constructor(version: string) {
    processMetrics ??= startProcessMetrics()
    this.process = processMetrics
    this.contentType = this.series.registry.contentType
    this.series
      .gauge('build_info', 'Always 1. The labels name the release and the version of Node.', [
        'version',
        'node',
      ])
      .set({ version, node: process.version }, 1)
  }

  /** Adds the metrics that are read from their source at each scrape. Call it once. */
  readFrom(sources: MetricsSources): void {
    readSources(this.series, sources)
  }

  /** All metrics in Prometheus' text format, as of `askedAtMs` (of `performance.now`) or later. */
  text(askedAtMs = performance.now()): Promise<Buffer> {
    return this.rendered.since(askedAtMs)
  }

  committed(durationMs: number, writes: number): void {
    this.commitTook(durationMs)
    this.commitWrites.observe(writes)
  }

  roundTripEnded(durationMs: number, waitMs?: number): void {
    this.roundTripTook(durationMs)
    if (waitMs !== undefined) {
      this.replicasTook(waitMs)
    }
  }

  /** `limit`: its name, one of a fixed set. */
  limited(limit: string): void {
    this.limitedTotal.inc({ limit })
  }
}

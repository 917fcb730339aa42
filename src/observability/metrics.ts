import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { SweepCounts } from '../core/endings/sweep.js'
import { SharedText } from './shared-text.js'

/** Seconds. */
const CALL_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30]
const COMMIT_BUCKETS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1, 5]
const CRYPTO_BUCKETS = [0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.01]
const SWEEP_BUCKETS = [0.001, 0.01, 0.1, 1, 10, 60]
const GROUP_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]

const MS_PER_SECOND = 1000
/** prom-client's default of 10 ms would wake an idle server a hundred times a second. */
const EVENT_LOOP_PRECISION_MS = 50

/** Where the values that are read at each scrape come from. */
export interface MetricsSources {
  readonly store: { countOpen(): Promise<number>; readonly queueDepth: number }
  readonly audit: { readonly pending: number }
  readonly grpc?: () => { readonly connections: number }
  /** Since the start. */
  readonly swept: () => SweepCounts
  /** Since the start, by reason. */
  readonly ended: () => Iterable<readonly [string, number]>
  readonly clock: { offsetMs(): number; isSuspect(): boolean }
  readonly feed: () => {
    readonly viewers: number
    readonly malformed: number
    readonly refused: number
    /** Since the start, by reason. */
    readonly dropped: Readonly<Record<string, number>>
  }
}

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
  private readonly registry = new Registry()
  private readonly process: Registry
  private readonly inFlight = new Map<string, number>()
  private readonly rendered = new SharedText(async () =>
    [await this.registry.metrics(), await this.process.metrics()].join(''),
  )

  private readonly grpcCalls = this.counter('grpc_calls_total', 'Completed gRPC calls.', [
    'method',
    'code',
  ])
  private readonly grpcSeconds = this.histogram(
    'grpc_call_duration_seconds',
    'Time from receiving a gRPC call to its answer.',
    CALL_BUCKETS,
    ['method'],
  )
  private readonly senecaActs = this.counter('seneca_acts_total', 'Completed acts.', [
    'cmd',
    'code',
  ])
  private readonly senecaSeconds = this.histogram(
    'seneca_act_duration_seconds',
    'Time from receiving an act to its answer.',
    CALL_BUCKETS,
    ['cmd'],
  )
  private readonly httpCommands = this.counter(
    'http_commands_total',
    'Completed commands over HTTP.',
    ['cmd', 'code'],
  )
  private readonly httpSeconds = this.histogram(
    'http_command_duration_seconds',
    'Time from receiving a command over HTTP to its answer.',
    CALL_BUCKETS,
    ['cmd'],
  )
  private readonly senecaRefused = this.counter(
    'seneca_refused_total',
    'Connections and requests refused before an act was read.',
  )
  private readonly commitSeconds = this.histogram(
    'store_commit_duration_seconds',
    'Time to write one commit to disk.',
    COMMIT_BUCKETS,
  )
  private readonly commitWrites = this.histogram(
    'store_commit_writes',
    'Writes in one commit.',
    GROUP_BUCKETS,
  )
  private readonly storeFailures = this.counter(
    'store_failures_total',
    'Failed commits. After one, writes are refused until the store is reopened.',
  )
  private readonly signSeconds = this.histogram(
    'sign_duration_seconds',
    'Time to make the signatures of a response.',
    CRYPTO_BUCKETS,
  )
  private readonly verifySeconds = this.histogram(
    'verify_duration_seconds',
    'Time to verify the signatures of a request. Cache hits are not counted.',
    CRYPTO_BUCKETS,
  )
  private readonly sweepSeconds = this.histogram(
    'sweep_duration_seconds',
    'Duration of a sweep.',
    SWEEP_BUCKETS,
  )
  private readonly sweepFailures = this.counter('sweep_failures_total', 'Failed sweeps.')
  private readonly limitedTotal = this.counter(
    'limited_total',
    'Calls and connections refused by a limit.',
    ['limit'],
  )
  private readonly auditFailures = this.counter(
    'audit_failures_total',
    'Times the audit log stopped accepting entries.',
  )

  constructor(version: string) {
    processMetrics ??= startProcessMetrics()
    this.process = processMetrics
    this.contentType = this.registry.contentType
    this.gauge('build_info', 'Always 1. The labels name the release and the version of Node.', [
      'version',
      'node',
    ]).set({ version, node: process.version }, 1)
    this.read('calls_in_flight', 'Calls and acts in progress.', ['transport'], (gauge) => {
      for (const [transport, count] of this.inFlight) {
        gauge.set({ transport }, count)
      }
    })
  }

  /** Adds the metrics that are read from their source at each scrape. Call it once. */
  readFrom({ store, audit, grpc, swept, ended, clock, feed }: MetricsSources): void {
    this.read('open_sessions', 'Sessions marked open.', [], async (gauge) =>
      gauge.set(await store.countOpen()),
    )
    this.read('store_queue_depth', 'Writes waiting for the next commit.', [], (gauge) =>
      gauge.set(store.queueDepth),
    )
    this.read('audit_queue_depth', 'Audit entries not yet written to the file.', [], (gauge) =>
      gauge.set(audit.pending),
    )
    if (grpc !== undefined) {
      this.read('grpc_connections', 'Open connections to the gRPC port.', [], (gauge) =>
        gauge.set(grpc().connections),
      )
    }
    this.read(
      'clock_offset_seconds',
      'How far the wall clock has moved against the monotonic clock.',
      [],
      (gauge) => gauge.set(clock.offsetMs() / MS_PER_SECOND),
    )
    this.read(
      'clock_suspect',
      '1 while the wall clock is suspect and no session is ended.',
      [],
      (gauge) => gauge.set(clock.isSuspect() ? 1 : 0),
    )
    this.totals('sessions_ended_total', 'Sessions that this server ended.', 'reason', ended)
    this.total('sweep_ended_total', 'Sessions ended by the sweep.', () => swept().ended)
    this.total('sweep_purged_total', 'Ended sessions purged by the sweep.', () => swept().purged)
    this.read('feed_viewers', 'Viewers of the session list.', [], (gauge) =>
      gauge.set(feed().viewers),
    )
    this.total('feed_malformed_total', 'Malformed messages from viewers.', () => feed().malformed)
    this.total('feed_refused_total', 'Viewers refused.', () => feed().refused)
    const dropped = () => Object.entries(feed().dropped)
    this.totals('feed_dropped_total', 'Viewers disconnected by the server.', 'reason', dropped)
  }

  /** All metrics in Prometheus' text format, as of `askedAtMs` (of `performance.now`) or later. */
  text(askedAtMs = performance.now()): Promise<Buffer> {
    return this.rendered.since(askedAtMs)
  }

  callBegun(transport: string): void {
    this.inFlight.set(transport, (this.inFlight.get(transport) ?? 0) + 1)
  }

  callEnded(transport: string, method: string, code: string, durationMs: number): void {
    this.inFlight.set(transport, (this.inFlight.get(transport) ?? 0) - 1)
    const seconds = durationMs / MS_PER_SECOND
    if (transport === 'seneca') {
      this.senecaActs.inc({ cmd: method, code })
      this.senecaSeconds.observe({ cmd: method }, seconds)
    } else if (transport === 'http') {
      this.httpCommands.inc({ cmd: method, code })
      this.httpSeconds.observe({ cmd: method }, seconds)
    } else {
      this.grpcCalls.inc({ method, code })
      this.grpcSeconds.observe({ method }, seconds)
    }
  }

  senecaPeerRefused(): void {
    this.senecaRefused.inc()
  }

  committed(durationMs: number, writes: number): void {
    this.commitSeconds.observe(durationMs / MS_PER_SECOND)
    this.commitWrites.observe(writes)
  }

  storeFailed(): void {
    this.storeFailures.inc()
  }

  signed(durationMs: number): void {
    this.signSeconds.observe(durationMs / MS_PER_SECOND)
  }

  verified(durationMs: number): void {
    this.verifySeconds.observe(durationMs / MS_PER_SECOND)
  }

  sweepEnded(durationMs: number): void {
    this.sweepSeconds.observe(durationMs / MS_PER_SECOND)
  }

  sweepFailed(): void {
    this.sweepFailures.inc()
  }

  /** `limit`: its name, one of a fixed set. */
  limited(limit: string): void {
    this.limitedTotal.inc({ limit })
  }

  auditFailed(): void {
    this.auditFailures.inc()
  }

  private histogram(name: string, help: string, buckets: number[], labelNames: string[] = []) {
    return new Histogram({ ...this.named(name, help), buckets, labelNames })
  }

  private counter(name: string, help: string, labelNames: string[] = [], collect = () => {}) {
    return new Counter({ ...this.named(name, help), labelNames, collect })
  }

  private gauge(name: string, help: string, labelNames: string[]) {
    return new Gauge({ ...this.named(name, help), labelNames })
  }

  /** A gauge that `set` updates before each scrape. */
  private read(
    name: string,
    help: string,
    labelNames: string[],
    set: (gauge: Gauge) => void | Promise<void>,
  ): void {
    const gauge: Gauge = new Gauge({
      ...this.named(name, help),
      labelNames,
      collect: () => set(gauge),
    })
  }

  /** A counter whose values are kept elsewhere, by the values of its label. */
  private totals(
    name: string,
    help: string,
    label: string,
    counts: () => Iterable<readonly [string, number]>,
  ): void {
    const counter = this.counter(name, help, label === '' ? [] : [label], () => {
      counter.reset()
      for (const [value, count] of counts()) {
        counter.inc(label === '' ? {} : { [label]: value }, count)
      }
    })
  }

  /** The same without a label. */
  private total(name: string, help: string, count: () => number): void {
    this.totals(name, help, '', () => [['', count()]])
  }

  private named(name: string, help: string) {
    return { name: `sessiond_${name}`, help, registers: [this.registry] }
  }
}

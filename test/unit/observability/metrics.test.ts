import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { Metrics } from '../../../src/observability/metrics.js'
import type { MetricsSources } from '../../../src/observability/source-metrics.js'
import { readMetrics } from '../../support/prometheus.js'

const countOf = (text: Buffer) => /^sessiond_seneca_refused_total (\d+)$/m.exec(`${text}`)?.[1]

describe('the text of the metrics', () => {
  it('is rendered once for all who asked before that began', async () => {
    const metrics = new Metrics('1.2.3')
    const askedAtMs = performance.now()
    const [first, ...others] = await Promise.all([1, 2, 3].map(() => metrics.text()))
    for (const other of [...others, await metrics.text(askedAtMs)]) {
      expect(other).toBe(first)
    }
  })

  it('shows what happened before it was asked for', async () => {
    const metrics = new Metrics('1.2.3')
    for (let n = 1; n < 4; n++) {
      metrics.senecaPeerRefused()
      const asked = metrics.text()
      expect(countOf(await asked)).toBe(`${n}`)
      await setImmediate()
    }
  })
})

/** Every sample of the server's own, without the buckets. */
async function samplesOf(metrics: Metrics): Promise<Record<string, number>> {
  const families = readMetrics(`${await metrics.text()}`)
  const samples = [...families.values()].flatMap((family) => [...family.samples])
  return Object.fromEntries(
    samples.filter(([name]) => name.startsWith('sessiond_') && !name.includes('_bucket')),
  )
}

const SOURCES: MetricsSources = {
  store: { countOpen: async () => 11, queueDepth: 12 },
  audit: { pending: 13 },
  grpc: () => ({ connections: 14 }),
  swept: () => ({ ended: 15, purged: 16 }) as ReturnType<MetricsSources['swept']>,
  ended: () => [
    ['closed', 22],
    ['idle', 23],
  ],
  signatures: () => 24,
  watch: () => ({ watchers: 3, told: 40, lagMs: 2500 }),
  clock: { offsetMs: () => -1500, isSuspect: () => true },
  feed: () => ({ viewers: 17, malformed: 18, refused: 19, dropped: { slow: 20, gone: 21 } }),
}

describe('the metrics', () => {
  it('say which release runs on which Node, and have the content type of Prometheus', async () => {
    const metrics = new Metrics('1.2.3')
    const info = `sessiond_build_info{version="1.2.3",node="${process.version}"}`
    expect(await samplesOf(metrics)).toMatchObject({ [info]: 1 })
    expect(metrics.contentType).toBe('text/plain; version=0.0.4; charset=utf-8')
  })

  it('count the calls of each transport, and time them in seconds', async () => {
    const metrics = new Metrics('1.2.3')
    for (const transport of ['grpc', 'grpc', 'seneca', 'http']) {
      metrics.calls.begun(transport)
    }
    metrics.calls.ended('grpc', 'Create', 'OK', 1500)
    metrics.calls.ended('seneca', 'open_session', 'OK', 2500)
    metrics.calls.ended('http', 'close_session', 'NOT_FOUND', 3500)
    const samples = await samplesOf(metrics)
    expect(samples).toMatchObject({
      'sessiond_calls_in_flight{transport="grpc"}': 1,
      'sessiond_calls_in_flight{transport="seneca"}': 0,
      'sessiond_calls_in_flight{transport="http"}': 0,
      'sessiond_grpc_calls_total{method="Create",code="OK"}': 1,
      'sessiond_grpc_call_duration_seconds_sum{method="Create"}': 1.5,
      'sessiond_grpc_call_duration_seconds_count{method="Create"}': 1,
      'sessiond_seneca_acts_total{cmd="open_session",code="OK"}': 1,
      'sessiond_seneca_act_duration_seconds_sum{cmd="open_session"}': 2.5,
      'sessiond_http_commands_total{cmd="close_session",code="NOT_FOUND"}': 1,
      'sessiond_http_command_duration_seconds_sum{cmd="close_session"}': 3.5,
    })
  })

  it('count what else happens, and time it in seconds', async () => {
    const metrics = new Metrics('1.2.3')
    metrics.senecaPeerRefused()
    metrics.committed(500, 7)
    metrics.storeFailed()
    metrics.roundTripEnded(20, 5)
    metrics.roundTripEnded(30)
    metrics.storeRetried()
    metrics.signed(1)
    metrics.verified(2)
    metrics.sweepEnded(3000)
    metrics.sweepFailed()
    metrics.limited('peer-calls')
    metrics.auditFailed()
    expect(await samplesOf(metrics)).toMatchObject({
      sessiond_seneca_refused_total: 1,
      sessiond_store_commit_duration_seconds_sum: 0.5,
      sessiond_store_commit_writes_sum: 7,
      sessiond_store_failures_total: 1,
      sessiond_store_round_trip_duration_seconds_sum: 0.05,
      sessiond_store_round_trip_duration_seconds_count: 2,
      sessiond_store_replica_wait_duration_seconds_sum: 0.005,
      sessiond_store_replica_wait_duration_seconds_count: 1,
      sessiond_store_retries_total: 1,
      sessiond_sign_duration_seconds_sum: 0.001,
      sessiond_verify_duration_seconds_sum: 0.002,
      sessiond_sweep_duration_seconds_sum: 3,
      sessiond_sweep_failures_total: 1,
      'sessiond_limited_total{limit="peer-calls"}': 1,
      sessiond_audit_failures_total: 1,
    })
  })

  it('read from their sources what is there at the time', async () => {
    const metrics = new Metrics('1.2.3')
    let isSuspect = true
    metrics.readFrom({ ...SOURCES, clock: { offsetMs: () => -1500, isSuspect: () => isSuspect } })
    expect(await samplesOf(metrics)).toMatchObject({
      sessiond_open_sessions: 11,
      sessiond_store_queue_depth: 12,
      sessiond_audit_queue_depth: 13,
      sessiond_grpc_connections: 14,
      sessiond_watchers: 3,
      sessiond_watch_endings_total: 40,
      sessiond_watch_lag_seconds: 2.5,
      sessiond_sweep_ended_total: 15,
      sessiond_sweep_purged_total: 16,
      'sessiond_sessions_ended_total{reason="closed"}': 22,
      'sessiond_sessions_ended_total{reason="idle"}': 23,
      sessiond_clock_offset_seconds: -1.5,
      sessiond_clock_suspect: 1,
      sessiond_feed_viewers: 17,
      sessiond_feed_malformed_total: 18,
      sessiond_feed_refused_total: 19,
      'sessiond_feed_dropped_total{reason="slow"}': 20,
      'sessiond_feed_dropped_total{reason="gone"}': 21,
    })
    isSuspect = false
    expect(await samplesOf(metrics)).toMatchObject({
      sessiond_clock_suspect: 0,
      // Read again, not added up.
      sessiond_sweep_ended_total: 15,
      'sessiond_feed_dropped_total{reason="slow"}': 20,
    })
  })

  it('leave out the connections of gRPC where nothing counts them', async () => {
    const metrics = new Metrics('1.2.3')
    const { grpc: _, ...sources } = SOURCES
    metrics.readFrom(sources)
    expect(await samplesOf(metrics)).not.toHaveProperty('sessiond_grpc_connections')
  })

  it('tell the event loop of the process by its percentiles and maximum alone', async () => {
    const text = `${await new Metrics('1.2.3').text()}`
    expect(text).toContain('nodejs_eventloop_lag_max_seconds')
    expect(text).not.toMatch(/nodejs_eventloop_lag_(min|mean|stddev)_seconds/)
  })
})

import type { SweepCounts } from '../core/endings/sweep.js'
import { MS_PER_SECOND, type Series } from './series.js'

/** Where the values that are read at each scrape come from. */
export interface MetricsSources {
  readonly store: {
    countOpen(): Promise<number>
    readonly queueDepth: number
    eventLags?(): Iterable<readonly [shard: number, ms: number]>
  }
  readonly audit: { readonly pending: number }
  readonly grpc?: () => { readonly connections: number }
  /** Since the start. */
  readonly swept: () => SweepCounts
  /** Since the start, by reason. */
  readonly ended: () => Iterable<readonly [string, number]>
  /** Made with the keys of sessions, since the start. */
  readonly signatures: () => number
  /** Of endings. */
  readonly watch: () => { readonly watchers: number; readonly told: number; readonly lagMs: number }
  readonly clock: { offsetMs(): number; isSuspect(): boolean }
  readonly feed: () => {
    readonly viewers: number
    readonly malformed: number
    readonly refused: number
    /** Since the start, by reason. */
    readonly dropped: Readonly<Record<string, number>>
  }
}

/** Adds the metrics that are read from their source at each scrape. */
export function readSources(
  series: Series,
  { store, audit, grpc, swept, ended, signatures, watch, clock, feed }: MetricsSources,
): void {
  series.read('open_sessions', 'Sessions marked open.', [], async (gauge) =>
    gauge.set(await store.countOpen()),
  )
  series.read('store_queue_depth', 'Writes waiting for the next commit.', [], (gauge) =>
    gauge.set(store.queueDepth),
  )
  series.read(
    'store_event_lag_seconds',
    'Since when this server may not know of all that others changed in a shard.',
    ['shard'],
    (gauge) => {
      for (const [shard, ms] of store.eventLags?.() ?? []) {
        gauge.set({ shard }, ms / MS_PER_SECOND)
      }
    },
  )
  series.read('audit_queue_depth', 'Audit entries not yet written to the file.', [], (gauge) =>
    gauge.set(audit.pending),
  )
  if (grpc !== undefined) {
    series.read('grpc_connections', 'Open connections to the gRPC port.', [], (gauge) =>
      gauge.set(grpc().connections),
    )
  }
  series.read(
    'clock_offset_seconds',
    'How far the wall clock has moved against the monotonic clock.',
    [],
    (gauge) => gauge.set(clock.offsetMs() / MS_PER_SECOND),
  )
  series.read(
    'clock_suspect',
    '1 while the wall clock is suspect and no session is ended.',
    [],
    (gauge) => gauge.set(clock.isSuspect() ? 1 : 0),
  )
  series.totals('sessions_ended_total', 'Sessions that this server ended.', ended)
  series.total('session_signatures_total', 'Signatures by keys of sessions.', signatures)
  series.read('watchers', 'Watchers of endings.', [], (gauge) => gauge.set(watch().watchers))
  series.total('watch_endings_total', 'Endings that watchers were told.', () => watch().told)
  series.read(
    'watch_lag_seconds',
    'How long ago watchers heard that they have missed no ending.',
    [],
    (gauge) => gauge.set(watch().lagMs / MS_PER_SECOND),
  )
  series.total('sweep_ended_total', 'Sessions ended by the sweep.', () => swept().ended)
  series.total('sweep_purged_total', 'Ended sessions purged by the sweep.', () => swept().purged)
  series.read('feed_viewers', 'Viewers of the session list.', [], (gauge) =>
    gauge.set(feed().viewers),
  )
  series.total('feed_malformed_total', 'Malformed messages from viewers.', () => feed().malformed)
  series.total('feed_refused_total', 'Viewers refused.', () => feed().refused)
  series.totals('feed_dropped_total', 'Viewers disconnected by the server.', () =>
    Object.entries(feed().dropped),
  )
}

import type { Counter, Histogram } from 'prom-client'
import { MS_PER_SECOND, type Series } from './series.js'

/** Seconds. */
const CALL_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30]

/** The metrics of calls, whatever their transport. */
export class CallMetrics {
  private readonly inFlight = new Map<string, number>()
  private readonly grpcCalls: Counter
  private readonly grpcSeconds: Histogram
  private readonly senecaActs: Counter
  private readonly senecaSeconds: Histogram
  private readonly httpCommands: Counter
  private readonly httpSeconds: Histogram

  constructor(series: Series) {
    this.grpcCalls = series.counter('grpc_calls_total', 'Completed gRPC calls.', ['method', 'code'])
    this.grpcSeconds = series.histogram(
      'grpc_call_duration_seconds',
      'Time from receiving a gRPC call to its answer.',
      CALL_BUCKETS,
      ['method'],
    )
    this.senecaActs = series.counter('seneca_acts_total', 'Completed acts.', ['cmd', 'code'])
    this.senecaSeconds = series.histogram(
      'seneca_act_duration_seconds',
      'Time from receiving an act to its answer.',
      CALL_BUCKETS,
      ['cmd'],
    )
    this.httpCommands = series.counter('http_commands_total', 'Completed commands over HTTP.', [
      'cmd',
      'code',
    ])
    this.httpSeconds = series.histogram(
      'http_command_duration_seconds',
      'Time from receiving a command over HTTP to its answer.',
      CALL_BUCKETS,
      ['cmd'],
    )
    series.read('calls_in_flight', 'Calls and acts in progress.', ['transport'], (gauge) => {
      for (const [transport, count] of this.inFlight) {
        gauge.set({ transport }, count)
      }
    })
  }

  begun(transport: string): void {
    this.inFlight.set(transport, (this.inFlight.get(transport) ?? 0) + 1)
  }

  ended(transport: string, method: string, code: string, durationMs: number): void {
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
}

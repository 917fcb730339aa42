import { Counter, Gauge, Histogram, Registry } from 'prom-client'

export const MS_PER_SECOND = 1000

/** Makes the server's metrics, whose names all begin with `sessiond_`. */
export class Series {
  readonly registry = new Registry()

  histogram(name: string, help: string, buckets: number[], labelNames: string[] = []) {
    return new Histogram({ ...this.named(name, help), buckets, labelNames })
  }

  counter(name: string, help: string, labelNames: string[] = []) {
    return new Counter({ ...this.named(name, help), labelNames })
  }

  /** A histogram of seconds. The function that it returns adds a duration in milliseconds. */
  durations(name: string, help: string, buckets: number[]): (durationMs: number) => void {
    const histogram = this.histogram(name, help, buckets)
    return (durationMs) => histogram.observe(durationMs / MS_PER_SECOND)
  }

  /** A counter. The function that it returns adds one. */
  events(name: string, help: string): () => void {
    const counter = this.counter(name, help)
    return () => counter.inc()
  }

  gauge(name: string, help: string, labelNames: string[]) {
    return new Gauge({ ...this.named(name, help), labelNames })
  }

  /** A gauge that `set` updates before each scrape. */
  read(
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

  /** A counter whose value is kept elsewhere. */
  total(name: string, help: string, count: () => number): void {
    const counter: Counter = new Counter({
      ...this.named(name, help),
      collect() {
        counter.reset()
        counter.inc(count())
      },
    })
  }

  /** The same by reason. */
  totals(name: string, help: string, counts: () => Iterable<readonly [string, number]>): void {
    const counter: Counter = new Counter({
      ...this.named(name, help),
      labelNames: ['reason'],
      collect() {
        counter.reset()
        for (const [reason, count] of counts()) {
          counter.inc({ reason }, count)
        }
      },
    })
  }

  private named(name: string, help: string) {
    return { name: `sessiond_${name}`, help, registers: [this.registry] }
  }
}

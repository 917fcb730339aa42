/** A clock that stands still until it is moved, and the timers that it fires. */
export class ManualTimers {
  private readonly timers = new Set<{ readonly atMs: number; readonly run: () => void }>()

  constructor(private atMs: number) {}

  readonly nowMs = (): number => this.atMs

  readonly after = (delayMs: number, run: () => void): (() => void) => {
    const timer = { atMs: this.atMs + delayMs, run }
    this.timers.add(timer)
    return () => this.timers.delete(timer)
  }

  /** Fires what comes due on the way, each at its time. */
  advance(ms: number): void {
    const endAtMs = this.atMs + ms
    for (;;) {
      const due = [...this.timers].filter(({ atMs }) => atMs <= endAtMs)
      const next = due.sort((a, b) => a.atMs - b.atMs)[0]
      if (next === undefined) {
        break
      }
      this.timers.delete(next)
      this.atMs = Math.max(this.atMs, next.atMs)
      next.run()
    }
    this.atMs = endAtMs
  }
}

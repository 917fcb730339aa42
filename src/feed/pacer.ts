import type { After } from '../net/timers.js'

/** How long one turn for viewers may take. */
const TURN_MS = 2
/** How many times longer than a turn the rest after it is. */
const REST = 3
/** Changes within this time reach viewers together. */
const GATHER_MS = 10

export interface Sender {
  /** Sends what one viewer's connection takes now. */
  send(): void
}

export interface PacerOptions {
  /** Makes new work for senders until `isOver`. Returns false if nothing is left. */
  readonly change: (isOver: () => boolean) => boolean
  readonly after: After
  /** Called if a sender or `change` fails. The others go on. */
  readonly onError: (error: unknown) => void
  /** Default: a monotonic clock. */
  readonly nowMs?: () => number
}

/**
 * Serves viewers in short turns with longer rests, so that other callers do not wait for them. Senders come first, one
 * after the other; `change` runs when none is left. So a server that falls behind gathers changes, not messages.
 */
export class Pacer {
  private readonly senders = new Set<Sender>()
  private readonly nowMs: () => number
  private restEndsAtMs = Number.NEGATIVE_INFINITY
  private cancelTurn: (() => void) | null = null
  private isClosed = false
  private onServed: (() => void)[] = []

  constructor(private readonly options: PacerOptions) {
    this.nowMs = options.nowMs ?? (() => performance.now())
  }

  /** Call it when there is something to send or to change. */
  wake(sender?: Sender): void {
    if (sender !== undefined) {
      this.senders.add(sender)
    }
    if (this.cancelTurn === null && !this.isClosed) {
      const delayMs = Math.max(GATHER_MS, Math.ceil(this.restEndsAtMs - this.nowMs()))
      this.cancelTurn = this.options.after(delayMs, () => this.turn())
    }
  }

  /** Resolves when no sender waits for a turn. */
  async served(): Promise<void> {
    if (this.senders.size > 0 && !this.isClosed) {
      await new Promise<void>((resolve) => this.onServed.push(resolve))
    }
  }

  close(): void {
    this.isClosed = true
    this.cancelTurn?.()
    this.tellServed()
  }

  private turn(): void {
    this.cancelTurn = null
    const beganAtMs = this.nowMs()
    const isOver = () => this.nowMs() - beganAtMs >= TURN_MS
    let isMore: boolean
    do {
      isMore = this.sendNext() || this.makeMore(isOver)
    } while (isMore && !isOver())
    const endedAtMs = this.nowMs()
    this.restEndsAtMs = endedAtMs + REST * (endedAtMs - beganAtMs)
    if (isMore) {
      this.wake()
    }
  }

  private sendNext(): boolean {
    for (const sender of this.senders) {
      this.senders.delete(sender)
      this.attempt(() => sender.send())
      return true
    }
    return false
  }

  /** Runs when all are served. It may wake all of them again within this turn. */
  private makeMore(isOver: () => boolean): boolean {
    this.tellServed()
    return this.attempt(() => this.options.change(isOver))
  }

  private attempt<T>(work: () => T): T | true {
    try {
      return work()
    } catch (error) {
      this.options.onError(error)
      return true
    }
  }

  private tellServed(): void {
    for (const resolve of this.onServed.splice(0)) {
      resolve()
    }
  }
}

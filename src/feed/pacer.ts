import type { After } from '../net/timers.js'

/** How long viewers may keep everything else waiting at a time. */
const TURN_MS = 2
/** How many times as long everything else has before their next turn. */
const REST = 3
/** What changes within this time reaches viewers together. */
const GATHER_MS = 10

export interface Sender {
  /** Sends what there is for one viewer, as far as its connection takes it. */
  send(): void
}

export interface PacerOptions {
  /** Makes new work for senders until `isOver`, or until nothing is left: then it returns false. */
  readonly change: (isOver: () => boolean) => boolean
  readonly after: After
  /** A sender or `change` failed; the others go on. */
  readonly onError: (error: unknown) => void
  /** Default: a monotonic clock. */
  readonly nowMs?: () => number
}

/**
 * Does what viewers need in short turns with longer rests: nobody else must wait for all who watch. Senders
 * come first, one after the other, and `change` when none is left: a server that falls behind gathers
 * changes, and not messages.
 */
export class Pacer {
  private readonly senders = new Set<Sender>()
  private readonly nowMs: () => number
  private restUntilMs = Number.NEGATIVE_INFINITY
  private cancelTurn: (() => void) | null = null
  private isClosed = false
  private onServed: (() => void)[] = []

  constructor(private readonly options: PacerOptions) {
    this.nowMs = options.nowMs ?? (() => performance.now())
  }

  /** There is something to send, or to change. */
  wake(sender?: Sender): void {
    if (sender !== undefined) {
      this.senders.add(sender)
    }
    if (this.cancelTurn === null && !this.isClosed) {
      const delayMs = Math.max(GATHER_MS, Math.ceil(this.restUntilMs - this.nowMs()))
      this.cancelTurn = this.options.after(delayMs, () => this.turn())
    }
  }

  /** Resolves when no sender waits for its turn. */
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
    this.restUntilMs = endedAtMs + REST * (endedAtMs - beganAtMs)
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

  /** To be called when all are served: what is made now may well wake all of them within this turn. */
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

import type { After } from '../net/timers.js'

/** How long one turn for viewers may take while others have work, too. */
const TURN_MS = 1
/** How many times longer than such a turn the rest after it is. */
const REST = 4
/** A turn, and the rest after it, if nothing else ran since the turn before. */
const IDLE_TURN_MS = 5
const IDLE_REST_MS = 1
/** The event loop's utilization above which something else is running. */
const IDLE_UTILIZATION = 0.25
/** Changes within this time reach viewers together. */
const GATHER_MS = 5
/** The same while others have work, too: each time costs a system call a viewer. */
const BUSY_GATHER_MS = 100

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
  /** Begins to watch; the result tells whether anything else ran since. Default: by the event loop's utilization. */
  readonly watchOthers?: () => () => boolean
}

/**
 * Serves viewers in short turns with longer rests, so that other callers do not wait for them. While nothing else runs,
 * turns are longer and rests are short. Senders come first, one after the other; `change` runs when none is left. So a
 * server that falls behind gathers changes, not messages.
 */
export class Pacer {
  private readonly senders = new Set<Sender>()
  private readonly nowMs: () => number
  private restEndsAtMs = Number.NEGATIVE_INFINITY
  private isChangeDue = false
  /** When all changes had been made. */
  private changedAtMs = Number.NEGATIVE_INFINITY
  private nextTurn: { readonly atMs: number; readonly cancel: () => void } | null = null
  private isClosed = false
  private onServed: (() => void)[] = []
  private readonly watchOthers: () => () => boolean
  /** Whether anything else ran since the last turn. */
  private othersRan = () => true

  constructor(private readonly options: PacerOptions) {
    this.nowMs = options.nowMs ?? (() => performance.now())
    this.watchOthers = options.watchOthers ?? watchEventLoop
  }

  /** Call it when there is something to send or to change. */
  wake(sender?: Sender): void {
    if (sender !== undefined) {
      this.senders.add(sender)
    } else {
      this.isChangeDue = true
    }
    this.turnAfter(GATHER_MS)
  }

  /** Resolves when no sender waits for a turn. */
  async served(): Promise<void> {
    if (this.senders.size > 0 && !this.isClosed) {
      await new Promise<void>((resolve) => this.onServed.push(resolve))
    }
  }

  close(): void {
    this.isClosed = true
    this.nextTurn?.cancel()
    this.tellServed()
  }

  private turnAfter(leastMs: number): void {
    const nowMs = this.nowMs()
    const delayMs = Math.max(leastMs, Math.ceil(this.restEndsAtMs - nowMs))
    const atMs = nowMs + delayMs
    // A sender does not wait for changes that are gathered.
    if (!this.isClosed && (this.nextTurn === null || atMs < this.nextTurn.atMs)) {
      this.nextTurn?.cancel()
      this.nextTurn = { atMs, cancel: this.options.after(delayMs, () => this.turn()) }
    }
  }

  private turn(): void {
    this.nextTurn = null
    const isBusy = this.othersRan()
    const turnMs = isBusy ? TURN_MS : IDLE_TURN_MS
    const beganAtMs = this.nowMs()
    const isOver = () => this.nowMs() - beganAtMs >= turnMs
    const mayChangeAtMs = isBusy ? this.changedAtMs + BUSY_GATHER_MS : beganAtMs
    const mayChange = mayChangeAtMs <= beganAtMs
    let isMore: boolean
    do {
      isMore = this.sendNext() || this.makeMore(mayChange, isOver)
    } while (isMore && !isOver())
    const endedAtMs = this.nowMs()
    this.restEndsAtMs = endedAtMs + (isBusy ? REST * (endedAtMs - beganAtMs) : IDLE_REST_MS)
    this.othersRan = this.watchOthers()
    if (isMore) {
      this.turnAfter(IDLE_REST_MS)
    } else if (this.isChangeDue) {
      this.turnAfter(mayChangeAtMs - endedAtMs)
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
  private makeMore(mayChange: boolean, isOver: () => boolean): boolean {
    this.tellServed()
    if (!mayChange) {
      return false
    }
    this.isChangeDue = false
    const isMore = this.attempt(() => this.options.change(isOver))
    // The next turn may have to gather first: it must know that some are left.
    this.isChangeDue ||= isMore
    if (!isMore) {
      this.changedAtMs = this.nowMs()
    }
    return isMore
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

function watchEventLoop(): () => boolean {
  const before = performance.eventLoopUtilization()
  return () => performance.eventLoopUtilization(before).utilization > IDLE_UTILIZATION
}

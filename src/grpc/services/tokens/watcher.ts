import { BusyError } from '../../../core/errors.js'

/** Messages that may wait for a watcher: with some 20 a second, those of most of a minute. */
const MAX_WAITING = 1_000

/** One watcher: what it has not taken yet. The messages themselves are shared. */
export class Watcher {
  private waiting: Buffer[] = []
  private isTooSlow = false
  private wake = () => {}

  constructor(private readonly signal: AbortSignal) {
    signal.addEventListener('abort', () => this.wake(), { once: true })
  }

  /** One that is far behind gets nothing more: its stream ends, and it can go on from its cursor. */
  push(messages: readonly Buffer[]): void {
    if (this.waiting.length > MAX_WAITING) {
      this.isTooSlow = true
      this.waiting = []
    }
    if (!this.isTooSlow) {
      this.waiting.push(...messages)
    }
    this.wake()
  }

  /** As they come. Throws BusyError, and the signal's reason. */
  async *messages(): AsyncGenerator<Buffer, void> {
    for (;;) {
      this.signal.throwIfAborted()
      if (this.isTooSlow) {
        throw new BusyError(
          'messages to this watcher',
          MAX_WAITING,
          'watch again from the last cursor',
        )
      }
      yield* this.waiting.splice(0)
      if (this.waiting.length === 0 && !this.isTooSlow && !this.signal.aborted) {
        await new Promise<void>((resolve) => {
          this.wake = resolve
        })
      }
    }
  }
}

/** A reader this far behind is taken for gone. */
const MAX_WAITING = 100_000
/** So many that were read are kept at most. */
const MAX_READ = 1_000

/** Events for one reader, who iterates over them. */
export class EventQueue<T> implements AsyncIterableIterator<T> {
  private readonly waiting: T[]
  private read = 0
  private isEnded = false
  private failure: Error | null = null
  private wake: (() => void) | null = null
  private last: Promise<unknown> = Promise.resolve()

  /** `onEnd` is called when the reader leaves, or falls too far behind. */
  constructor(
    first: readonly T[],
    private readonly onEnd: () => void,
  ) {
    this.waiting = [...first]
  }

  push(event: T): void {
    if (this.waiting.length - this.read >= MAX_WAITING) {
      this.waiting.length = 0
      this.read = 0
      this.fail(new Error(`${MAX_WAITING} events were not read`))
      this.onEnd()
      return
    }
    this.waiting.push(event)
    this.wake?.()
  }

  end(): void {
    this.isEnded = true
    this.wake?.()
  }

  /** Ends with this error, once all events are read. */
  fail(failure: Error): void {
    this.failure = failure
    this.end()
  }

  /** Rejects if it ended with an error. Several may wait, as for an async generator: each takes its turn. */
  next(): Promise<IteratorResult<T>> {
    const take = () => this.take()
    // Two at once would wait for the same wake-up, which only one of them gets.
    const taken = this.last.then(take, take)
    this.last = taken
    return taken
  }

  private async take(): Promise<IteratorResult<T>> {
    while (this.read === this.waiting.length) {
      this.waiting.length = 0
      this.read = 0
      if (this.failure !== null) {
        throw this.failure
      }
      if (this.isEnded) {
        return { value: undefined, done: true }
      }
      await new Promise<void>((resolve) => {
        this.wake = resolve
      })
      this.wake = null
    }
    const value = this.waiting[this.read++] as T
    // One that never catches up keeps nothing for that.
    if (this.read === MAX_READ) {
      this.waiting.splice(0, MAX_READ)
      this.read = 0
    }
    return { value, done: false }
  }

  async return(): Promise<IteratorResult<T>> {
    this.end()
    this.onEnd()
    return { value: undefined, done: true }
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}

import type { Message } from './message.js'
import type { Entry } from './window.js'

/**
 * One who follows the list. The `add`s are taken one by one, as fast as the follower can; meanwhile
 * changes of sessions that were taken are delivered at once, and those of others wait in the list
 * itself, so that a slow follower costs no memory.
 */
export class Follower {
  /** The last entry taken; entries are taken in order. */
  private position = 0

  constructor(
    private readonly opening: Message[],
    private readonly entries: Iterator<Entry>,
    private readonly deliver: (message: Message) => void,
    readonly leave: () => void,
  ) {}

  /** The next message of what is listed; null once everything was taken. */
  next(): Message | null {
    const message = this.opening.shift()
    if (message !== undefined) {
      return message
    }
    const { value: entry, done } = this.entries.next()
    if (done) {
      this.position = Number.POSITIVE_INFINITY
      return null
    }
    this.position = entry.seq
    return entry.add
  }

  offer(message: Message, seq: number): void {
    if (seq <= this.position) {
      this.deliver(message)
    }
  }
}

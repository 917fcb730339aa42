import { Batch, type Message, type Told } from './message.js'
import type { Entry } from './window.js'

/**
 * One follower of the list. It takes the `add`s at its own speed. Meanwhile changes of sessions that it has taken come
 * first. Changes of the others wait in the list itself, so a slow follower needs no memory for them.
 */
export class Follower {
  /** The number of the last entry taken. Entries are taken in order. */
  private position = 0
  private readonly offered: Batch[] = []
  private offeredSize = 0

  constructor(
    private readonly opening: Message[],
    private readonly entries: Iterator<Entry>,
    private readonly hooks: {
      /** Called when there is something to take. */
      readonly onNews: () => void
      readonly onLeave: () => void
    },
  ) {}

  /** About how many bytes of changes wait to be taken. */
  get behindBytes(): number {
    return this.offeredSize
  }

  /** The next batch: waiting changes, or about `bytes` of the list. null: nothing for now. */
  next(bytes: number): Batch | null {
    const changes = this.offered.shift()
    if (changes !== undefined) {
      this.offeredSize -= changes.size
      return changes
    }
    const told: Told[] = this.opening.splice(0).map((message) => ({ message, seq: 0 }))
    for (let size = 0; size < bytes; ) {
      const { value: entry, done } = this.entries.next()
      if (done) {
        this.position = Number.POSITIVE_INFINITY
        break
      }
      this.position = entry.seq
      told.push({ message: entry.add, seq: entry.seq })
      size += entry.add.size
    }
    return told.length === 0 ? null : new Batch(told)
  }

  offer(changes: Batch): void {
    const wanted = changes.upTo(this.position)
    if (wanted !== null) {
      this.offered.push(wanted)
      this.offeredSize += wanted.size
      this.hooks.onNews()
    }
  }

  leave(): void {
    this.hooks.onLeave()
  }
}

/** All followers of the list. */
export class Followers {
  private readonly followers = new Set<Follower>()
  /** Messages that were not offered yet. Empty whenever no method of the list runs. */
  private told: Told[] = []

  follow(opening: Message[], entries: Iterator<Entry>, onNews: () => void): Follower {
    const follower = new Follower(opening, entries, {
      onNews,
      onLeave: () => this.followers.delete(follower),
    })
    this.followers.add(follower)
    return follower
  }

  /** `seq`: the number of the entry that the message is about; 0: it is about none. */
  tell(message: Message, seq: number): void {
    this.told.push({ message, seq })
  }

  /** Offers the new messages to all, before any of them takes more of the list. Returns whether there were any. */
  offerTold(): boolean {
    const { told } = this
    this.told = []
    // A batch encodes its messages. Without viewers that is wasted.
    if (told.length > 0 && this.followers.size > 0) {
      const batch = new Batch(told)
      for (const follower of this.followers) {
        follower.offer(batch)
      }
    }
    return told.length > 0
  }
}

import { Batch, type Message, type Told } from './message.js'
import type { Entry } from './window.js'

/**
 * One who follows the list. The `add`s are taken as fast as the follower can; meanwhile changes of
 * sessions that were taken come first, and those of others wait in the list itself, so that a slow
 * follower costs no memory for them.
 */
export class Follower {
  /** The last entry taken; entries are taken in order. */
  private position = 0
  private readonly offered: Batch[] = []
  private offeredSize = 0

  constructor(
    private readonly opening: Message[],
    private readonly entries: Iterator<Entry>,
    private readonly hooks: {
      /** There is something to take. */
      readonly onNews: () => void
      readonly onLeave: () => void
    },
  ) {}

  /** About how many bytes of changes were not taken yet. */
  get behindBytes(): number {
    return this.offeredSize
  }

  /** What comes next, some `bytes` of the list, or more where it is about changes; null: nothing for now. */
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

/** All who follow the list. */
export class Followers {
  private readonly followers = new Set<Follower>()
  /** What they are yet to be offered: never longer than one of the hub's methods runs. */
  private told: Told[] = []

  follow(opening: Message[], entries: Iterator<Entry>, onNews: () => void): Follower {
    const follower = new Follower(opening, entries, {
      onNews,
      onLeave: () => this.followers.delete(follower),
    })
    this.followers.add(follower)
    return follower
  }

  /** `seq`: of the entry that the message is about, 0 where it is about none. */
  tell(message: Message, seq: number): void {
    this.told.push({ message, seq })
  }

  /** Offers what was told to all, before any of them takes more of the list; whether there was any. */
  offerTold(): boolean {
    const { told } = this
    this.told = []
    // A batch encodes it, which nobody needs where nobody watches.
    if (told.length > 0 && this.followers.size > 0) {
      const batch = new Batch(told)
      for (const follower of this.followers) {
        follower.offer(batch)
      }
    }
    return told.length > 0
  }
}

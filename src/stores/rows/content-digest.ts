import { hash } from 'node:crypto'
import { type BackupItem, encodeItem } from '../backup-format.js'
import { decodeEntry, decodeSession, encodeEntry, encodeSession } from './codec.js'
import { attempt } from './record.js'

const KINDS = ['session', 'seal', 'entry', 'deadline', 'ending'] as const
const LANES = 8

/**
 * Counts and digests what a store holds, whatever the order and the layout: two stores with the same content agree. Deadlines of
 * idempotency entries are left out, since each entry has its own.
 */
export class ContentDigest {
  readonly counts: Record<(typeof KINDS)[number], number> = {
    session: 0,
    seal: 0,
    entry: 0,
    deadline: 0,
    ending: 0,
  }
  /** By kind, the sum of the digests of its items: it does not depend on their order. */
  private readonly sums = new Map(KINDS.map((kind) => [kind, new Uint32Array(LANES)]))

  /** Throws StoreDamagedError for a record or an idempotency key that cannot be read. */
  add(item: BackupItem): void {
    const canonical = canonicalItem(item)
    if (canonical === null) {
      return
    }
    this.counts[canonical.kind]++
    const digest = hash('sha256', encodeItem(canonical), 'buffer')
    const sum = this.sums.get(canonical.kind) as Uint32Array
    for (let lane = 0; lane < LANES; lane++) {
      sum[lane] = (sum[lane] as number) + digest.readUInt32LE(4 * lane)
    }
  }

  /** Passes items on, and adds each. */
  async *pass<Result>(
    items: AsyncGenerator<BackupItem, Result>,
  ): AsyncGenerator<BackupItem, Result> {
    try {
      for (;;) {
        const { value, done } = await items.next()
        if (done) {
          return value
        }
        this.add(value)
        yield value
      }
    } finally {
      await items.return(undefined as never)
    }
  }

  /** What `other` has otherwise, in one line; null: nothing. */
  difference(other: ContentDigest): string | null {
    for (const kind of KINDS) {
      if (this.counts[kind] !== other.counts[kind]) {
        return `${other.counts[kind]} of ${this.counts[kind]} items of kind "${kind}"`
      }
      if (!this.sums.get(kind)?.every((lane, i) => lane === other.sums.get(kind)?.[i])) {
        return `items of kind "${kind}" that are not the same`
      }
    }
    return null
  }
}

type Canonical = Exclude<BackupItem, { kind: 'header' }>

/** The same for equal content; null for what does not count. */
function canonicalItem(item: BackupItem): Canonical | null {
  switch (item.kind) {
    case 'header':
      return null
    case 'session':
      return {
        ...item,
        record: attempt('a session', () => encodeSession(decodeSession(item.record))),
      }
    case 'entry':
      return {
        ...item,
        entry: attempt('an idempotency key', () => encodeEntry(decodeEntry(item.entry))),
      }
    case 'deadline':
      return item.deadline.kind === 'session' ? { kind: 'deadline', deadline: item.deadline } : null
    default:
      return item
  }
}

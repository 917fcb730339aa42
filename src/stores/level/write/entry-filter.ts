import { setTimeout as sleep } from 'node:timers/promises'
import type { Database, Row } from '../database.js'
import { RANGES } from '../layout/keys.js'
import { scan } from '../read/scan.js'
import { KeyBits } from './key-bits.js'

/** Before that a walk is not worth it. */
const WALK_AFTER_LOOKUPS = 1000
const LEAST_ROOM = 50_000

export interface EntryFilterPorts {
  /** The keys of all entries, as committed when it begins. */
  readonly walk: () => AsyncIterable<readonly Buffer[]>
  /** About how many there are. */
  readonly expected: () => number
  readonly rest: (ms: number) => Promise<unknown>
}

/**
 * Knows without a read of most idempotency keys that they are not stored. LevelDB looks for such a key in a table of each of
 * its levels, and merges a table that was looked at in vain about a hundred times, whatever the table's own filter said
 * (`allowed_seeks` in its version_set.cc): beside ten million sessions that took half of the CPU of a Create.
 *
 * Once enough keys were asked for it walks over all that are stored, and from then on it follows the commits. Deleted keys
 * stay in it, so it walks again when it is full.
 */
export class EntryFilter {
  private known: KeyBits | null = null
  /** What a walk fills. */
  private filling: KeyBits | null = null
  private lookups = 0

  constructor(private readonly ports: EntryFilterPorts) {}

  static of(database: Database, expected: () => number): EntryFilter {
    return new EntryFilter({
      walk: () => scan((fn) => database.read(fn), RANGES.entries),
      expected,
      // No timer of a walk keeps a process alive.
      rest: (ms) => sleep(ms, undefined, { ref: false }),
    })
  }

  /** false: there is no entry with this key. true: there may be one. */
  mayHold(key: Buffer): boolean {
    if (this.known !== null) {
      return this.known.mayHold(key)
    }
    this.lookups++
    if (this.lookups >= WALK_AFTER_LOOKUPS) {
      this.walk()
    }
    return true
  }

  /** Call it with the rows of each commit, before anyone may ask for one of them. */
  committed(rows: readonly Row[]): void {
    for (const [key, value] of rows) {
      if (value !== null && key[0] === RANGES.entries.gte[0]) {
        this.known?.add(key)
        this.filling?.add(key)
      }
    }
    if (this.known?.isFull) {
      this.walk()
    }
  }

  /** Forgets everything: the database was reopened, and may hold what a failed commit left. */
  reset(): void {
    this.known = null
    this.filling = null
    this.lookups = 0
  }

  private walk(): void {
    if (this.filling === null) {
      // Before the walk begins, so that no commit is missed by both.
      this.filling = new KeyBits(2 * Math.max(this.ports.expected(), LEAST_ROOM))
      void this.fill(this.filling)
    }
  }

  private async fill(bits: KeyBits): Promise<void> {
    const { walk, rest } = this.ports
    try {
      let startedAtMs = performance.now()
      for await (const keys of walk()) {
        if (this.filling !== bits) {
          return // Reset.
        }
        for (const key of keys) {
          bits.add(key)
        }
        // The other half of the time is for others.
        await rest(performance.now() - startedAtMs)
        startedAtMs = performance.now()
      }
      if (this.filling === bits) {
        bits.makeRoom()
        this.known = bits
        this.filling = null
      }
    } catch {
      // The store is closed, or cannot be read, which the next read of an entry tells.
      if (this.filling === bits) {
        this.reset()
      }
    }
  }
}

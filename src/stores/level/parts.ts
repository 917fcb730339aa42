import type { Database } from './database.js'
import type { Counts } from './write/counts.js'
import type { Locks } from './write/locks.js'
import type { Writer } from './write/writer.js'

/**
 * What the operations that write have in common. Each reads while it holds the locks of what it reads, and
 * keeps them until what it made of that is committed.
 */
export interface StoreParts {
  readonly database: Database
  readonly counts: Counts
  readonly locks: Locks
  readonly writer: Writer
}

import type { Locks } from '../locks.js'
import type { OtherServers } from './events/other-servers.js'
import type { Teller } from './events/teller.js'
import type { Functions } from './functions/functions.js'
import type { Known } from './known.js'
import type { Info } from './layout/info.js'
import type { Shards } from './layout/shards.js'
import type { Whereabouts } from './read/whereabouts.js'
import type { OpenCounts } from './write/open-counts.js'

/** What the operations of a store share. */
export interface StoreParts {
  readonly info: Pick<Info, 'epochs' | 'storeId'>
  readonly shards: Shards
  readonly functions: Functions
  readonly whereabouts: Whereabouts
  readonly known: Known
  readonly counts: OpenCounts
  readonly locks: Locks
  readonly teller: Teller
  readonly others: OtherServers
}

/** What reading a store takes, also one that no server has open. */
export type ReadParts = Pick<StoreParts, 'shards' | 'functions'>

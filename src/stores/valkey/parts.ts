import type { Locks } from '../locks.js'
import type { OtherServers } from './events/other-servers.js'
import type { Teller } from './events/teller.js'
import type { ReadParts } from './functions/functions.js'
import type { Known } from './known.js'
import type { Info } from './layout/info.js'
import type { Whereabouts } from './read/whereabouts.js'
import type { OpenCounts } from './write/open-counts.js'

/** What the operations of a store share. */
export interface StoreParts extends ReadParts {
  readonly info: Pick<Info, 'epochs' | 'storeId'>
  readonly whereabouts: Whereabouts
  readonly known: Known
  readonly counts: OpenCounts
  readonly locks: Locks
  readonly teller: Teller
  readonly others: OtherServers
}

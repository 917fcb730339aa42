import { QuotaError } from '../errors.js'
import type { Seen } from '../store.js'

/** How many sessions may be open. 0 is no limit. */
export interface Quota {
  readonly maxSessionsPerOwner: number
  readonly maxSessions: number
}

/** Throws QuotaError if no further session may be opened. */
export function checkQuota(seen: Seen, { maxSessionsPerOwner, maxSessions }: Quota): void {
  if (maxSessionsPerOwner > 0 && seen.openOfUser >= maxSessionsPerOwner) {
    throw new QuotaError('owner', maxSessionsPerOwner)
  }
  if (maxSessions > 0 && seen.openInAll >= maxSessions) {
    throw new QuotaError('server', maxSessions)
  }
}

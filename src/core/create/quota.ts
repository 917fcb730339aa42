import { QuotaError } from '../errors.js'
import type { Session } from '../session.js'
import type { Seen } from '../store.js'

/** What happens when an owner is at the limit of open sessions and opens another one. */
export const AT_LIMIT = ['refuse', 'end-oldest'] as const

/** How many sessions may be open. 0 is no limit. */
export interface Quota {
  readonly maxSessionsPerOwner: number
  readonly maxSessions: number
  readonly atLimit: (typeof AT_LIMIT)[number]
}

/** How many of the owner's open sessions are in the way of another one. */
export function excessOf({ openOfUser }: Seen, { maxSessionsPerOwner }: Quota): number {
  return maxSessionsPerOwner > 0 ? Math.max(openOfUser + 1 - maxSessionsPerOwner, 0) : 0
}

/** The sessions of `Seen.oldest` that must end before another one opens. Throws QuotaError if that would not do. */
export function sessionsToEnd(seen: Seen, quota: Quota): readonly Session[] {
  const { maxSessionsPerOwner, maxSessions } = quota
  const excess = excessOf(seen, quota)
  const ending = seen.oldest?.slice(0, excess) ?? []
  // A limit that was lowered is reached in several steps.
  if (excess > 0 && ending.length === 0) {
    throw new QuotaError('owner', maxSessionsPerOwner)
  }
  if (maxSessions > 0 && seen.openInAll - ending.length >= maxSessions) {
    throw new QuotaError('server', maxSessions)
  }
  return ending
}

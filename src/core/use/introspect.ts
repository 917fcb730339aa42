import type { TokenSession } from '../create/create.js'
import type { EpochClock } from '../epoch.js'

/** Why a session is not active now: it has ended, or its lifetime has not begun. null: it is active. */
export function inactivity(
  { active, token }: TokenSession,
  clock: EpochClock,
): 'ENDED' | 'NOT_YET_VALID' | null {
  const now = clock.now()
  // Past `exp` also while the clock is suspect, when nothing ends by itself.
  if (!active || now > token.lifetime.exp) {
    return 'ENDED'
  }
  return now < token.lifetime.nbf ? 'NOT_YET_VALID' : null
}

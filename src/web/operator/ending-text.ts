import type { FoundSession } from './sessions.js'

/** What an end is called, by its reason. A later server may have others. */
const REASONS: Readonly<Record<string, string>> = {
  closed: 'Closed',
  expired: 'Expired',
  idle: 'Idle',
  superseded: 'Superseded',
  revoked: 'Revoked',
  key_lost: 'Key lost',
}

/** Why a session ended, in a word or two. */
export function reasonText({ ending }: Pick<FoundSession, 'ending'>): string {
  return ending === null ? 'Ended' : (REASONS[ending.reason] ?? ending.reason)
}

/** Why a session ended, and by whom. */
export function endingText(session: Pick<FoundSession, 'ending'>): string {
  const by = session.ending?.by
  return by ? `${reasonText(session)} by ${by}` : reasonText(session)
}

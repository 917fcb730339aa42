import type { Session } from './session.js'

/**
 * A committed change of one session: `before` is null where it is new, `after` where it is gone.
 * Opened, changed, ended or deleted follows from the difference.
 */
export interface SessionChange {
  readonly before: Session | null
  readonly after: Session | null
}

export type SessionListener = (change: SessionChange) => void

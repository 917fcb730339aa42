import type { Session } from './session.js'

/** A committed change of one session. `before` is null if it is new, `after` if it was deleted. */
export interface SessionChange {
  readonly before: Session | null
  readonly after: Session | null
}

export type SessionListener = (change: SessionChange) => void

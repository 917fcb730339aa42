import type { Session } from './session.js'

/**
 * A committed change of one session. `before` is null if it is new, `after` if it was deleted. Where another server of
 * the same store made the change, `before` may be null all the same.
 */
export interface SessionChange {
  readonly before: Session | null
  readonly after: Session | null
}

/** `id`: that of the session, also where neither state is known. */
export type SessionListener = (change: SessionChange, id: string) => void

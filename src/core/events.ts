import type { Session } from './session.js'

/** Why and when an open session ended that was deleted. */
export interface Removal {
  readonly reason: 'deleted' | 'erased'
  readonly timeMs: number
}

/**
 * A committed change of one session. `before` is null if it is new, `after` if it was deleted. Where another server of
 * the same store made the change, `before` may be null all the same.
 */
export interface SessionChange {
  readonly before: Session | null
  readonly after: Session | null
  /** Of an open session that was deleted by this process. */
  readonly removal?: Removal
}

/** `id`: that of the session, also where neither state is known. */
export type SessionListener = (change: SessionChange, id: string) => void

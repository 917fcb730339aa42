import type { Sessions } from '../commands/sessions.js'
import type { Caller } from './audit.js'

/** The most sessions of one request. */
export const MAX_ENDED = 100

export type EndAction = 'close' | 'delete'

/** What became of one session, or would become of it. */
export type EndOutcome =
  | { readonly outcome: 'closed' }
  /** It could not be closed. */
  | { readonly outcome: 'had_ended' }
  | { readonly outcome: 'deleted'; readonly wasOpen: boolean }
  | { readonly outcome: 'not_found' }
  /** Nothing is known to have happened. */
  | { readonly outcome: 'failed'; readonly error: unknown }

/** Closes or deletes sessions, at most MAX_ENDED. Each succeeds or fails on its own: the outcomes come in their order. */
export function endSessions(
  sessions: Pick<Sessions, 'close' | 'delete'>,
  action: EndAction,
  ids: readonly string[],
  caller: Caller,
): Promise<EndOutcome[]> {
  return outcomesOf(
    ids,
    async (id) => {
      if (action === 'delete') {
        const deleted = await sessions.delete(id, {}, caller)
        return deleted && { wasOpen: deleted.active }
      }
      const closed = await sessions.close(id, caller)
      return closed
    },
    action,
  )
}

/** What `endSessions` would do. Changes nothing. */
export function wouldEnd(
  sessions: Pick<Sessions, 'get'>,
  action: EndAction,
  ids: readonly string[],
): Promise<EndOutcome[]> {
  return outcomesOf(
    ids,
    async (id) => {
      const session = await sessions.get(id)
      return session && { wasOpen: session.active }
    },
    action,
  )
}

function outcomesOf(
  ids: readonly string[],
  end: (id: string) => Promise<{ readonly wasOpen: boolean } | null>,
  action: EndAction,
): Promise<EndOutcome[]> {
  return Promise.all(
    ids.map(async (id): Promise<EndOutcome> => {
      try {
        const ended = await end(id)
        if (ended === null) {
          return { outcome: 'not_found' }
        }
        if (action === 'delete') {
          return { outcome: 'deleted', wasOpen: ended.wasOpen }
        }
        return { outcome: ended.wasOpen ? 'closed' : 'had_ended' }
      } catch (error) {
        return { outcome: 'failed', error }
      }
    }),
  )
}

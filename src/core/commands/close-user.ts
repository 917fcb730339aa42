import type { Caller } from '../operators/audit.js'
import type { Sessions } from './sessions.js'

/** Ends every open session of a user, page after page: each takes what it holds out of the list. Returns how many. */
export async function closeUser(
  sessions: Pick<Sessions, 'list' | 'close'>,
  userId: string,
  caller: Caller,
): Promise<number> {
  let closed = 0
  for (;;) {
    const page = await sessions.list({ userId, active: true })
    if (page.sessions.length === 0) {
      return closed
    }
    const outcomes = await Promise.all(page.sessions.map(({ id }) => sessions.close(id, caller)))
    closed += outcomes.filter((outcome) => outcome?.wasOpen).length
  }
}

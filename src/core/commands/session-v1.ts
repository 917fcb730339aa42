import type { SessionInfo } from '../session.js'
import { isoText } from '../time-text.js'

/**
 * A session as `SessionV1` of the newer dialect, ready for JSON, but for `user` and `data`: some callers send these
 * as values, others as the text that was stored, and lists may leave them out.
 */
export function sessionV1(session: Omit<SessionInfo, 'user' | 'data'>) {
  return {
    id: session.id,
    user_id: session.userId,
    user_name: session.userName,
    active: session.active,
    open_time: isoText(session.openTimeMs),
    request_time: isoText(session.requestTimeMs),
    close_time: session.closeTimeMs === null ? null : isoText(session.closeTimeMs),
    address: session.address,
    client: session.client,
  }
}

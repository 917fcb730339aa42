import { sessionV1 } from '../core/commands/session-v1.js'
import type { SessionInfo } from '../core/session.js'
import { isoText } from '../core/time-text.js'

/** The older dialect, which knows open sessions only. */
export function olderSession(session: SessionInfo) {
  return { ...olderListedSession(session), user: parsed(session.user) }
}

/** The older dialect leaves `user` out of lists. */
export function olderListedSession(session: SessionInfo) {
  return {
    id: session.id,
    opened: isoText(session.openTimeMs),
    last_request: isoText(session.requestTimeMs),
    address: session.address,
    client: session.client,
    data: parsed(session.data),
  }
}

/** The newer dialect's SessionV1. */
export function newerSession(session: SessionInfo) {
  return { ...sessionV1(session), user: parsed(session.user), data: parsed(session.data) }
}

function parsed(json: string | null): unknown {
  return json === null ? null : JSON.parse(json)
}

import type { Session } from '../core/session.js'

/** The older dialect, which knows open sessions only. */
export function olderSession(session: Session) {
  return { ...olderListedSession(session), user: parsed(session.user) }
}

/** The older dialect leaves `user` out of lists. */
export function olderListedSession(session: Session) {
  return {
    id: session.id,
    opened: date(session.openTimeMs),
    last_request: date(session.requestTimeMs),
    address: session.address,
    client: session.client,
    data: parsed(session.data),
  }
}

/** The newer dialect's SessionV1. */
export function newerSession(session: Session) {
  return {
    id: session.id,
    user_id: session.userId,
    user_name: session.userName,
    active: session.active,
    open_time: date(session.openTimeMs),
    request_time: date(session.requestTimeMs),
    close_time: session.closeTimeMs === null ? null : date(session.closeTimeMs),
    address: session.address,
    client: session.client,
    user: parsed(session.user),
    data: parsed(session.data),
  }
}

function date(timeMs: number): string {
  return new Date(timeMs).toISOString()
}

function parsed(json: string | null): unknown {
  return json === null ? null : JSON.parse(json)
}

import type { SessionDetails } from '#generated/sessiond/v1/sessions'
import type { Session as WireSession } from '#generated/sessions_v1/sessions'
import type { JsonForm } from './json-form.js'
import type { SessionInfo } from './session-info.js'

/** Reads a session of a `sessions_v1` answer. `details`: undefined if the server is not ours, or older. */
export function readSession<Json>(
  session: WireSession,
  details: SessionDetails | undefined,
  json: JsonForm<Json>,
): SessionInfo<Json> {
  const { expireTimeMs = 0n, ending } = details ?? {}
  // Field by field: spreading an object costs more than all the rest.
  return {
    id: session.id,
    userId: session.userId,
    userName: session.userName,
    active: session.active,
    openTimeMs: Date.parse(session.openTime),
    requestTimeMs: Date.parse(session.requestTime),
    closeTimeMs: session.closeTime === '' ? null : Date.parse(session.closeTime),
    address: session.address,
    client: session.client,
    user: session.user === '' ? null : json.read(session.user, 'user'),
    data: session.data === '' ? null : json.read(session.data, 'data'),
    kind: details === undefined ? null : details.isToken ? 'token' : 'command',
    expiresAtMs: expireTimeMs === 0n ? null : Number(expireTimeMs),
    ending: ending === undefined ? null : { reason: ending.reason, by: ending.by || null },
  }
}

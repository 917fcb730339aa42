import { jsonString, oneLineJson } from '../core/commands/json-text.js'
import type { SessionInfo } from '../core/session.js'
import { isoText } from '../core/time-text.js'

/** A session of the older dialect, which knows open sessions only, as JSON text on one line. */
export function olderSessionJson(session: SessionInfo): string {
  return `{${olderFieldsOf(session)},"user":${oneLineJson(session.user)}}`
}

/** The older dialect leaves `user` out of lists. */
export function olderListedSessionJson(session: SessionInfo): string {
  return `{${olderFieldsOf(session)}}`
}

function olderFieldsOf(session: SessionInfo): string {
  return (
    `"id":${jsonString(session.id)}` +
    `,"opened":"${isoText(session.openTimeMs)}"` +
    `,"last_request":"${isoText(session.requestTimeMs)}"` +
    `,"address":${jsonString(session.address)}` +
    `,"client":${jsonString(session.client)}` +
    `,"data":${oneLineJson(session.data)}`
  )
}

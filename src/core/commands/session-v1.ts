import type { SessionInfo } from '../session.js'
import { isoText } from '../time-text.js'
import { jsonString, oneLineJson } from './json-text.js'

/** A session as the newer dialect's `SessionV1`: JSON text on one line, with every digit of `user` and `data`. */
export function sessionV1Json(session: SessionInfo): string {
  const [user, data] = [oneLineJson(session.user), oneLineJson(session.data)]
  return `{${sessionV1Members(session)},"user":${user},"data":${data}}`
}

/** The members of that object, without `user` and `data`. */
export function sessionV1Members(session: Omit<SessionInfo, 'user' | 'data'>): string {
  const { openTimeMs, requestTimeMs, closeTimeMs } = session
  const openTime = isoText(openTimeMs)
  const requestTime = requestTimeMs === openTimeMs ? openTime : isoText(requestTimeMs)
  return (
    `"id":${jsonString(session.id)}` +
    `,"user_id":${jsonString(session.userId)}` +
    `,"user_name":${jsonString(session.userName)}` +
    `,"active":${session.active}` +
    `,"open_time":"${openTime}"` +
    `,"request_time":"${requestTime}"` +
    `,"close_time":${closeTimeMs === null ? 'null' : `"${isoText(closeTimeMs)}"`}` +
    `,"address":${jsonString(session.address)}` +
    `,"client":${jsonString(session.client)}`
  )
}

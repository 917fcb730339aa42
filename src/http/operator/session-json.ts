import { hex } from '@scure/base'
import { kindOf, ownerNameOf } from '../../core/search/query.js'
import type { Session } from '../../core/session.js'

/** A session as search lists it. docs/protocols/operator.md says what the keys mean. */
export function listedJson(session: Session, expiresAtMs: number | null) {
  return {
    session_id: session.id,
    kind: kindOf(session),
    state: session.active ? 'open' : 'ended',
    user_id: session.userId,
    user_name: session.userName,
    owner_name: ownerNameOf(session),
    address: session.address,
    client: session.client,
    opened_at_ms: session.openTimeMs,
    request_at_ms: session.requestTimeMs,
    expires_at_ms: expiresAtMs,
    ended_at_ms: session.closeTimeMs,
    ending: session.ending,
  }
}

/** Everything about a session but its sealed key, which nobody may see. */
export function shownJson(session: Session, expiresAtMs: number | null) {
  const { token, user, data } = session
  return {
    ...listedJson(session, expiresAtMs),
    owner: token && hex.encode(token.owner),
    lifetime: token && {
      iat: `${token.lifetime.iat}`,
      nbf: `${token.lifetime.nbf}`,
      exp: `${token.lifetime.exp}`,
    },
    public_key: token && hex.encode(token.publicKey),
    is_bound: token && (token.isBound ?? false),
    user,
    data,
  }
}

import type { EpochClock } from '../core/epoch.js'
import { ownerText } from '../core/owner-text.js'
import type { Introspection } from './introspection.js'
import { sessionJwk } from './jwt.js'

/**
 * What RFC 7662 section 2.2 answers of a session token or a JWT, as text. Of one that is not active it says nothing else:
 * the RFC asks for that.
 */
export async function introspectionAnswer(
  token: string,
  introspection: Introspection,
  issuer: string,
  clock: EpochClock,
): Promise<object> {
  const { reason, session, token: read, jwt } = await introspection.ofText(token)
  if (reason !== null || session === null) {
    return { active: false }
  }
  const { owner, publicKey } = session.token
  const bound = { sid: session.id, cnf: { jwk: sessionJwk(publicKey) } }
  if (read === undefined) {
    return { active: true, ...jwt, ...bound }
  }
  const { nbf, exp, iat } = read.lifetime
  return {
    active: true,
    iss: issuer,
    sub: ownerText(owner),
    scope: read.verb,
    nbf: Math.ceil(clock.endsAtMs(nbf - 1n) / 1000),
    exp: Math.floor(clock.endsAtMs(exp) / 1000),
    iat: Math.floor(clock.endsAtMs(iat - 1n) / 1000),
    ...bound,
  }
}

import type { TokenSession } from '../create/create.js'
import { checkLifetime } from '../create/lifetime.js'
import type { EpochClock } from '../epoch.js'
import { LifetimeError, SessionEndedError } from '../errors.js'
import { ownerText } from '../owner-text.js'
import type { Lifetime } from '../session.js'
import { inactivity } from './introspect.js'

/** What a JWT says of a session, but for its key. Times are Unix seconds (RFC 7519 section 4.1). */
export interface SessionClaims {
  readonly iss: string
  /** The owner in base58. */
  readonly sub: string
  readonly aud: string | readonly string[]
  readonly iat: number
  readonly nbf: number
  readonly exp: number
  readonly jti: string
  /** The session's id. */
  readonly sid: string
}

/** What is asked of a JWT. */
export interface JwtClaim {
  readonly audience: readonly string[]
  /** undefined: as long as the session. */
  readonly lifetime: Lifetime | undefined
  readonly issuer: string
  readonly jti: string
}

/** The claims of a JWT that lives no longer than its session. Throws SessionEndedError, LifetimeError. */
export function sessionClaims(
  session: TokenSession,
  { audience, lifetime, issuer, jti }: JwtClaim,
  clock: EpochClock,
): SessionClaims {
  if (inactivity(session, clock) === 'ENDED') {
    throw new SessionEndedError(session.id)
  }
  const { lifetime: whole, owner } = session.token
  const now = clock.now()
  const { nbf, exp } = lifetime ?? whole
  if (nbf < whole.nbf || exp > whole.exp) {
    const bounds = `is not within the session's, ${whole.nbf} to ${whole.exp}`
    throw new LifetimeError(`body.lifetime.${nbf < whole.nbf ? 'nbf' : 'exp'}`, bounds, now)
  }
  checkLifetime({ nbf, exp, iat: now }, now, whole.exp)
  return {
    iss: issuer,
    sub: ownerText(owner),
    aud: audience.length === 1 ? (audience[0] as string) : audience,
    iat: Math.floor(clock.nowMs() / 1000),
    nbf: Math.ceil(clock.endsAtMs(nbf - 1n) / 1000),
    // "On or after" it a JWT is not accepted: it is the end of the last epoch.
    exp: Math.floor(clock.endsAtMs(exp) / 1000),
    jti,
    sid: session.id,
  }
}

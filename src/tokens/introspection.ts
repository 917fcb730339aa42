import type { JWTPayload } from 'jose'
import { sameBytes } from '../core/bytes.js'
import type { TokenSession } from '../core/create/create.js'
import type { ExpiryRules } from '../core/endings/expiry-rules.js'
import type { EpochClock } from '../core/epoch.js'
import { SessiondError } from '../core/errors.js'
import type { SessionStore } from '../core/store.js'
import { inactivity } from '../core/use/introspect.js'
import type { Signer } from '../crypto/ed25519.js'
import type { TokenChecker } from './checker.js'
import { checkJwt } from './jwt.js'
import { type SessionToken, tokenFromText } from './token.js'

export interface IntrospectionPorts {
  readonly store: Pick<SessionStore, 'get'>
  readonly rules: Pick<ExpiryRules, 'asOfNow'>
  readonly clock: EpochClock
  readonly checker: TokenChecker
  /** The keys that sign JWTs, now and soon. */
  readonly identities: () => readonly Signer[]
}

/** What the server knows of a session, or of a token or JWT of it. */
export interface Introspected {
  /**
   * Why it is not active: NOT_FOUND, ENDED, NOT_YET_VALID, or the reason for which the token is refused. null: it is.
   */
  readonly reason: string | null
  /** As of now. null: there is none, or the token is refused: what a forged token names is nobody's business. */
  readonly session: TokenSession | null
  readonly token?: SessionToken
  readonly jwt?: JWTPayload
}

const refused = (reason: string): Introspected => ({ reason, session: null })

/** Tells whether sessions, tokens and JWTs are active. */
export class Introspection {
  constructor(private readonly ports: IntrospectionPorts) {}

  /** `mayKnow`: whether the caller may learn of this session; to all others it is unknown. */
  async ofSession(id: string, mayKnow: (session: TokenSession) => boolean): Promise<Introspected> {
    const { store, rules, clock } = this.ports
    const found = await store.get(id)
    if (found === undefined || found.token === null || !mayKnow(found as TokenSession)) {
      return refused('NOT_FOUND')
    }
    const session = rules.asOfNow(found) as TokenSession
    return { reason: inactivity(session, clock), session }
  }

  /** Of a `service.SessionToken`. Possession of the session key is not asked for. */
  async ofToken(bytes: Uint8Array): Promise<Introspected> {
    const use = { verb: 'any', epoch: this.ports.clock.now(), proof: 'not-asked' } as const
    const verdict = this.ports.checker.check(bytes, use)
    if (!verdict.isGood) {
      return refused(verdict.reason)
    }
    const { token } = verdict
    const found = await this.ofSession(
      token.id,
      ({ token: { owner, publicKey } }) =>
        sameBytes(owner, token.owner) && sameBytes(publicKey, token.sessionKey),
    )
    return { ...found, token }
  }

  async ofJwt(jwt: string): Promise<Introspected> {
    const { clock, identities } = this.ports
    const verdict = await checkJwt(jwt, identities(), new Date(clock.nowMs()))
    if (!verdict.isGood) {
      return refused(verdict.reason)
    }
    return { ...(await this.ofSession(verdict.sid, () => true)), jwt: verdict.claims }
  }

  /** Of a token as text, in either form. */
  ofText(text: string): Promise<Introspected> {
    if (text.includes('.')) {
      return this.ofJwt(text)
    }
    try {
      return this.ofToken(tokenFromText(text))
    } catch (error) {
      if (error instanceof SessiondError) {
        return Promise.resolve(refused('MALFORMED'))
      }
      throw error
    }
  }
}

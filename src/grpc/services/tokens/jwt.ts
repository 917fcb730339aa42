import { IssueJwtResponse_Body } from '#generated/sessiond/v1/tokens'
import { ownSession, type TokensPorts } from '../../../core/use/access.js'
import { sessionClaims } from '../../../core/use/jwt-claims.js'
import type { Signer } from '../../../crypto/ed25519.js'
import { issueJwtMethod } from '../../../envelope/tokens.js'
import { signJwt } from '../../../tokens/jwt.js'
import type { Methods } from '../../pipeline/method.js'
import { LEFT_OUT, type SignedPorts, signedMethod } from './signed.js'

export interface JwtPorts {
  /** The `iss` of JWTs, once it is known. */
  readonly issuer: () => Promise<string>
  /** The key that signs them. */
  readonly jwtIdentity: () => Signer
  /** A new UUID. */
  readonly newJwtId: () => string
}

/** `IssueJwt`: a JWT that is bound to a session's key. */
export function jwtMethods(ports: TokensPorts & JwtPorts, signed: SignedPorts): Methods {
  const { issuer, jwtIdentity, newJwtId, clock, audit } = ports
  return {
    IssueJwt: signedMethod(signed, issueJwtMethod, async ({ body, signer, caller }) => {
      const session = await ownSession(ports, body.id, signer)
      const { audience, lifetime } = body
      const asked = { audience, lifetime, issuer: await issuer(), jti: newJwtId() }
      const claims = sessionClaims(session, asked, clock)
      await audit.check()
      const jwt = await signJwt(claims, session.token.publicKey, jwtIdentity())
      const { jti, exp } = claims
      const facts = { sessionId: session.id, audience: audience.join(' '), jti, exp }
      await audit.record({ action: 'issue-jwt', caller, facts })
      return IssueJwtResponse_Body.encode({ request: LEFT_OUT, jwt }).finish()
    }),
  }
}

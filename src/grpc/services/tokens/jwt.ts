import { IssueJwtResponse_Body } from '#generated/sessiond/v1/tokens'
import { ownSession, type TokensPorts } from '../../../core/use/access.js'
import { sessionClaims } from '../../../core/use/jwt-claims.js'
import type { SeededSigner } from '../../../crypto/ed25519.js'
import { issueJwtMethod } from '../../../envelope/tokens.js'
import { signJwt } from '../../../tokens/jwt.js'
import type { Methods } from '../../pipeline/method.js'
import { LEFT_OUT, type SignedPorts, signedMethod } from './signed.js'

export interface JwtPorts {
  /** The `iss` of JWTs. */
  readonly issuer: () => string
  /** The key that signs them. */
  readonly jwtIdentity: () => SeededSigner
  /** A new UUID. */
  readonly newJwtId: () => string
}

/** `IssueJwt`: a JWT that is bound to a session's key. */
export function jwtMethods(ports: TokensPorts & JwtPorts, signed: SignedPorts): Methods {
  const { issuer, jwtIdentity, newJwtId, clock } = ports
  return {
    IssueJwt: signedMethod(signed, issueJwtMethod, async ({ body, signer }) => {
      const session = await ownSession(ports, body.id, signer)
      const { audience, lifetime } = body
      const asked = { audience, lifetime, issuer: issuer(), jti: newJwtId() }
      const claims = sessionClaims(session, asked, clock)
      const jwt = await signJwt(claims, session.token.publicKey, jwtIdentity())
      return IssueJwtResponse_Body.encode({ request: LEFT_OUT, jwt }).finish()
    }),
  }
}

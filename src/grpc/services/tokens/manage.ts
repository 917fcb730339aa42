import { ListResponse_Body, RevokeResponse_Body } from '#generated/sessiond/v1/tokens'
import { listSessions } from '../../../core/commands/list-sessions.js'
import type { TokenSession } from '../../../core/create/create.js'
import { ownerText } from '../../../core/owner-text.js'
import type { TokensPorts } from '../../../core/use/access.js'
import { revokeSession } from '../../../core/use/revoke.js'
import { uuidBytes } from '../../../core/uuid.js'
import { listMethod, revokeMethod } from '../../../envelope/tokens.js'
import type { Methods } from '../../pipeline/method.js'
import { LEFT_OUT, type SignedPorts, signedMethod } from './signed.js'

/** `Revoke` and `List`: what owners do with their own sessions. */
export function manageMethods(ports: TokensPorts, signed: SignedPorts): Methods {
  return {
    Revoke: signedMethod(signed, revokeMethod, async ({ body, signer, caller }) => {
      const { endedNow, endTimeMs } = await revokeSession(body.id, signer, caller, ports)
      return RevokeResponse_Body.encode({
        request: LEFT_OUT,
        endedNow,
        endTimeMs: BigInt(endTimeMs),
      }).finish()
    }),
    List: signedMethod(signed, listMethod, async ({ body, signer }, call) => {
      const { owner, skip, take, openOnly } = body
      const refusal = ports.owners.refusal(owner, signer)
      if (refusal !== null) {
        throw refusal
      }
      const query = { userId: ownerText(owner), skip, take, ...(openOnly && { active: true }) }
      const { sessions } = await listSessions(ports, query, call.signal)
      // A command may have opened a session for the same text. It has no key.
      const owned = sessions.filter((session): session is TokenSession => session.token !== null)
      return ListResponse_Body.encode({
        request: LEFT_OUT,
        sessions: owned.map(ownedSession),
      }).finish()
    }),
  }
}

function ownedSession({ id, token, active, openTimeMs, ...rest }: TokenSession) {
  const { closeTimeMs, ending, address, client } = rest
  return {
    ...{ id: uuidBytes(id), lifetime: token.lifetime, sessionKey: token.publicKey, active },
    openTimeMs: BigInt(openTimeMs),
    endTimeMs: BigInt(closeTimeMs ?? 0),
    endReason: ending?.reason ?? '',
    ...{ address, client },
  }
}

import { BindResponse_Body } from '#generated/sessiond/v1/tokens'
import type { CreateClaim } from '../../../core/create/claim.js'
import type { TokenSession } from '../../../core/create/create.js'
import { uuidBytes } from '../../../core/uuid.js'
import { sha256 } from '../../../envelope/digest.js'
import { bindMethod } from '../../../envelope/tokens.js'
import type { Methods } from '../../pipeline/method.js'
import { LEFT_OUT, type SignedPorts, unprovedMethod } from './signed.js'

export interface BindPorts {
  readonly create: (claim: CreateClaim) => Promise<TokenSession>
  readonly newSessionId: (owner: Uint8Array) => string
}

/** `Bind`: a Create for a key that the client holds, and proves to hold. */
export function bindMethods(ports: BindPorts, signed: SignedPorts): Methods {
  return {
    Bind: unprovedMethod(signed, bindMethod, async (request, call) => {
      const { body, signer, meta } = request
      const { owner, lifetime, sessionKey, proof, signed: content } = body
      const ofSessionKey = { field: 'proof', key: sessionKey, sign: proof, content }
      const prove = () => request.prove([{ ...ofSessionKey, isHeader: false }])
      const { epoch, idempotencyKey, client, xHeadersPath } = meta
      const session = await ports.create({
        ...{ owner, lifetime, epoch, idempotencyKey, xHeadersPath, signer },
        client: client ?? call.userAgent,
        address: call.peer,
        bodySha256: () => sha256(content),
        prove,
        async proveAndMint() {
          await prove()
          return { id: ports.newSessionId(owner), publicKey: sessionKey, seal: null }
        },
      })
      return BindResponse_Body.encode({
        request: LEFT_OUT,
        id: uuidBytes(session.id),
        sessionKey: session.token.publicKey,
      }).finish()
    }),
  }
}

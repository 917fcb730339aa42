import { createHash } from 'node:crypto'
import { BindResponse_Body } from '#generated/sessiond/v1/tokens'
import type { CreateClaim } from '../../../core/create/claim.js'
import type { TokenSession } from '../../../core/create/create.js'
import { SignatureError } from '../../../core/errors.js'
import { uuidBytes } from '../../../core/uuid.js'
import type { Verify } from '../../../crypto/schemes.js'
import { bindMethod } from '../../../envelope/tokens.js'
import type { Methods } from '../../pipeline/method.js'
import { LEFT_OUT, type SignedPorts, signedMethod } from './signed.js'

export interface BindPorts {
  readonly create: (claim: CreateClaim) => Promise<TokenSession>
  readonly newSessionId: (owner: Uint8Array) => string
  readonly verify: Verify
}

/** `Bind`: a Create for a key that the client holds, and proves to hold. */
export function bindMethods(ports: BindPorts, signed: SignedPorts): Methods {
  return {
    Bind: signedMethod(signed, bindMethod, async ({ body, signer, meta }, call) => {
      const { owner, lifetime, sessionKey, proof, signed: content } = body
      if (!ports.verify(sessionKey, proof, content)) {
        throw new SignatureError('proof', 'does not verify by body.session_key over the body')
      }
      const { epoch, idempotencyKey, client, xHeadersPath } = meta
      const session = await ports.create({
        ...{ owner, lifetime, epoch, idempotencyKey, xHeadersPath, signer },
        client: client ?? call.userAgent,
        address: call.peer,
        bodySha256: () => createHash('sha256').update(content).digest(),
        // The signatures hold: that was checked before.
        prove: async () => {},
        proveAndMint: async () => ({
          id: ports.newSessionId(owner),
          publicKey: sessionKey,
          seal: null,
        }),
      })
      return BindResponse_Body.encode({
        request: LEFT_OUT,
        id: uuidBytes(session.id),
        sessionKey: session.token.publicKey,
      }).finish()
    }),
  }
}

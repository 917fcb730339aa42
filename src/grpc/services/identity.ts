import { GetIdentityRequest, GetIdentityResponse } from '#generated/sessiond/v1/identity'
import type { CallObserver } from '../../core/calls.js'
import { nextIdentityStatement } from '../../envelope/next-identity.js'
import { decode, rawDefinition } from '../pipeline/contracts.js'
import { unary } from '../pipeline/handler.js'
import type { GrpcService } from '../transport/server.js'
import type { IdentityKeys } from './admin/keys.js'

const NONE = new Uint8Array()

/** `sessiond.v1.Identity`: who the server is, and who it will be. Open to everyone. */
export function identityService(identity: IdentityKeys, observer: CallObserver): GrpcService {
  return {
    definition: rawDefinition('sessiond.v1.Identity'),
    implementation: {
      GetIdentity: unary(async (bytes: Buffer) => {
        decode(GetIdentityRequest, bytes)
        const { current, next } = identity
        const response = GetIdentityResponse.encode({
          identity: current.publicKey,
          nextIdentity: next?.publicKey ?? NONE,
          nextIdentitySignature:
            next === null ? NONE : current.sign(nextIdentityStatement(next.publicKey)),
        })
        return Buffer.from(response.finish())
      }, observer),
    },
  }
}

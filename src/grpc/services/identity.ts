import { GetIdentityRequest, GetIdentityResponse } from '#generated/sessiond/v1/identity'
import { nextIdentityStatement } from '../../envelope/sign.js'
import type { GrpcService } from '../pipeline/contracts.js'
import { unary } from '../pipeline/method.js'
import { grpcService, type PipelinePorts } from '../pipeline/pipeline.js'
import type { IdentityKeys } from './admin/keys.js'

const NONE = new Uint8Array()

/** `sessiond.v1.Identity`: who the server is, and who it will be. Open to everyone. */
export function identityService(
  identity: IdentityKeys,
  { observer }: Pick<PipelinePorts, 'observer'>,
): GrpcService {
  const methods = {
    GetIdentity: unary({
      request: GetIdentityRequest,
      response: GetIdentityResponse,
      handle() {
        const { current, next } = identity
        return {
          identity: current.publicKey,
          nextIdentity: next?.publicKey ?? NONE,
          nextIdentitySignature:
            next === null ? NONE : current.sign(nextIdentityStatement(next.publicKey)),
        }
      },
    }),
  }
  return grpcService('sessiond.v1.Identity', methods, { observer })
}

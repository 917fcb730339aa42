import { IntrospectResponse_Body } from '#generated/sessiond/v1/tokens'
import type { OwnerPolicy } from '../../../core/create/owner.js'
import { mayManage } from '../../../core/use/access.js'
import { uuidBytes } from '../../../core/uuid.js'
import { type IntrospectBody, introspectMethod } from '../../../envelope/tokens.js'
import type { Introspected, Introspection } from '../../../tokens/introspection.js'
import type { Methods } from '../../pipeline/method.js'
import { LEFT_OUT, readingMethod, type SignedPorts } from './signed.js'

export interface IntrospectPorts {
  readonly introspection: Introspection
  readonly owners: OwnerPolicy
  /** Whether the operator has named this key of a service. */
  readonly isService: (signer: Uint8Array) => boolean
}

/** `Introspect`: whether a session, a token or a JWT is active. */
export function introspectMethods(
  { introspection, owners, isService }: IntrospectPorts,
  signed: SignedPorts,
): Methods {
  const find = (body: IntrospectBody, signer: Uint8Array): Promise<Introspected> => {
    if ('id' in body) {
      return introspection.ofSession(
        body.id,
        (session) => isService(signer) || mayManage(owners, session, signer),
      )
    }
    return 'token' in body ? introspection.ofToken(body.token) : introspection.ofJwt(body.jwt)
  }
  return {
    // By id it is one read; tokens and JWTs have signatures of their own.
    Introspect: readingMethod(
      signed,
      introspectMethod,
      (body) => 'id' in body,
      async ({ body, signer }) => encode(await find(body, signer)),
    ),
  }
}

function encode({ reason, session }: Introspected): Uint8Array {
  const { token, closeTimeMs, ending } = session ?? {}
  return IntrospectResponse_Body.encode({
    request: LEFT_OUT,
    active: reason === null,
    reason: reason ?? '',
    id: session === null ? new Uint8Array() : uuidBytes(session.id),
    ownerId: token && { value: token.owner },
    lifetime: token?.lifetime,
    sessionKey: token?.publicKey ?? new Uint8Array(),
    endTimeMs: BigInt(closeTimeMs ?? 0),
    endReason: ending?.reason ?? '',
  }).finish()
}

import { createHash } from 'node:crypto'
import type {
  ServerUnaryCall,
  ServiceDefinition,
  UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { ResponseMetaHeader } from '#generated/service/meta'
import { CreateResponse_Body } from '#generated/session/service'
import type { CallObserver } from '../../core/calls.js'
import type { CreateClaim } from '../../core/create/claim.js'
import type { TokenSession } from '../../core/create/create.js'
import type { EpochClock } from '../../core/epoch.js'
import { uuidBytes } from '../../core/uuid.js'
import type { Signer } from '../../crypto/ed25519.js'
import { type ChainVerifiers, verifyChain } from '../../envelope/chain.js'
import { readCreateRequest } from '../../envelope/create.js'
import { requestDigest } from '../../envelope/digest.js'
import { createResponseSigner } from '../../envelope/sign.js'
import { bracketedPeer } from '../../net/address.js'
import { serviceDefinition } from '../pipeline/contracts.js'
import { unary } from '../pipeline/handler.js'

/** Each is at most two bytes of UTF-8: a header holds nothing beyond Latin-1. */
const MAX_USER_AGENT_CHARS = 512

export interface SessionServicePorts {
  readonly create: (claim: CreateClaim) => Promise<TokenSession>
  readonly clock: EpochClock
  /** Who signs answers now: asked for each. */
  readonly identity: () => Signer
  readonly verifiers: ChainVerifiers
  readonly observer: CallObserver
}

/** `session.Session`: translates signed messages to and from the Create use case. */
export function sessionService(ports: SessionServicePorts): {
  definition: ServiceDefinition
  implementation: UntypedServiceImplementation
} {
  const { clock, identity, verifiers, observer } = ports
  let signer = identity()
  let signWith = createResponseSigner(signer)
  const signResponse: typeof signWith = (parts) => {
    if (identity() !== signer) {
      signer = identity()
      signWith = createResponseSigner(signer)
    }
    return signWith(parts)
  }

  async function create(bytes: Buffer, call: ServerUnaryCall<Buffer, Buffer>): Promise<Buffer> {
    const request = readCreateRequest(bytes)
    const session = await ports.create({
      owner: request.owner,
      lifetime: request.lifetime,
      epoch: request.epoch,
      idempotencyKey: request.idempotencyKey,
      client: request.client ?? userAgent(call),
      xHeadersPath: request.xHeadersPath,
      address: bracketedPeer(call.getPeer()),
      bodySha256: () => createHash('sha256').update(request.message.body).digest(),
      proveSigner: () => verifyChain(request.message, verifiers),
    })
    const body = CreateResponse_Body.encode({
      id: uuidBytes(session.id),
      sessionKey: session.token.publicKey,
    }).finish()
    const meta = ResponseMetaHeader.encode({
      version: { major: 2, minor: 0 },
      epoch: clock.now(),
      ttl: 1,
      // Ties the answer to this request, so that an old one cannot be passed off as new.
      xHeaders:
        request.idempotencyKey === undefined
          ? []
          : [{ key: 'request', value: requestDigest(request.message) }],
      origin: undefined,
    }).finish()
    return signResponse({ body, meta })
  }

  const { Create } = serviceDefinition('session.Session')
  if (Create === undefined) {
    throw new Error('the descriptor set lacks session.Session/Create')
  }
  return {
    // What was signed are the bytes as they came: the envelope reads them, not a deserializer.
    definition: {
      Create: { ...Create, requestDeserialize: (b) => b, responseSerialize: (b: Buffer) => b },
    },
    implementation: { Create: unary(create, observer) },
  }
}

/** At most 1,024 bytes of UTF-8, whatever the client calls itself. */
function userAgent(call: ServerUnaryCall<Buffer, Buffer>): string {
  return String(call.metadata.get('user-agent')[0] ?? '').slice(0, MAX_USER_AGENT_CHARS)
}

import { createHash } from 'node:crypto'
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
import type { Call } from '../pipeline/call.js'
import { BYTES, type GrpcService } from '../pipeline/contracts.js'
import { unary } from '../pipeline/method.js'
import { grpcService } from '../pipeline/pipeline.js'

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
export function sessionService(ports: SessionServicePorts): GrpcService {
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

  async function create(bytes: Uint8Array, call: Call): Promise<Uint8Array> {
    const request = readCreateRequest(bytes)
    const session = await ports.create({
      owner: request.owner,
      lifetime: request.lifetime,
      epoch: request.epoch,
      idempotencyKey: request.idempotencyKey,
      client: request.client ?? userAgent(call),
      xHeadersPath: request.xHeadersPath,
      address: call.peer,
      bodySha256: () => createHash('sha256').update(request.message.body).digest(),
      proveSigner() {
        call.failures = request.message.levels.length
        return verifyChain(request.message, verifiers)
      },
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

  // What was signed are the bytes as they came: the envelope reads them.
  const methods = { Create: unary({ request: BYTES, response: BYTES, handle: create }) }
  return grpcService('session.Session', methods, { observer })
}

/** At most 1,024 bytes of UTF-8, whatever the client calls itself. */
function userAgent({ metadata }: Call): string {
  return String(metadata.get('user-agent')[0] ?? '').slice(0, MAX_USER_AGENT_CHARS)
}

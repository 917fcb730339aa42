import type { CallObserver } from '../../core/calls.js'
import type { CreateClaim } from '../../core/create/claim.js'
import type { TokenSession } from '../../core/create/create.js'
import { readCreateRequest } from '../../envelope/create.js'
import { sha256 } from '../../envelope/digest.js'
import type { Answers } from '../../minting/answers.js'
import type { MintedKey, Prover } from '../../minting/prover.js'
import type { Call } from '../pipeline/call.js'
import { BYTES, type GrpcService } from '../pipeline/contracts.js'
import { unary } from '../pipeline/method.js'
import { grpcService } from '../pipeline/pipeline.js'

export interface SessionServicePorts {
  readonly create: (claim: CreateClaim) => Promise<TokenSession>
  readonly prover: Prover
  readonly answers: Answers
  readonly observer: CallObserver
}

/** `session.Session`: translates signed messages to and from the Create use case. */
export function sessionService(ports: SessionServicePorts): GrpcService {
  const { prover, answers, observer } = ports

  async function create(bytes: Uint8Array, call: Call): Promise<Uint8Array> {
    const request = readCreateRequest(bytes)
    const { message } = request
    const meta = answers.metaFor(request)
    let key: Promise<MintedKey> | undefined
    const session = await ports.create({
      owner: request.owner,
      lifetime: request.lifetime,
      epoch: request.epoch,
      idempotencyKey: request.idempotencyKey,
      client: request.client ?? call.userAgent,
      xHeadersPath: request.xHeadersPath,
      address: call.peer,
      bodySha256: () => sha256(message.body),
      signer: message.innermost.bodySignature.key,
      prove() {
        call.failures = message.levels.length
        return prover.prove(request)
      },
      proveAndMint() {
        call.failures = message.levels.length
        key = prover.proveAndMint(request, answers.knows(meta) ? null : meta)
        return key
      },
    })
    const { minted } = await (key as Promise<MintedKey>)
    return answers.answer(session, meta, minted)
  }

  // The signatures cover the received bytes, so the envelope reads those.
  const methods = { Create: unary({ request: BYTES, response: BYTES, handle: create }) }
  return grpcService('session.Session', methods, { observer })
}

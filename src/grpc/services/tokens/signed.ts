import { hex } from '@scure/base'
import { messages } from '#generated/fields'
import { checkDrift } from '../../../core/create/lifetime.js'
import type { EpochClock } from '../../../core/epoch.js'
import type { Caller } from '../../../core/operators/audit.js'
import type { ChainSignature } from '../../../envelope/chain.js'
import { requestDigestBytes } from '../../../envelope/digest.js'
import type { RequestMeta } from '../../../envelope/meta.js'
import { readTokensRequest, type TokensMethod } from '../../../envelope/tokens.js'
import { encodeFields } from '../../../envelope/wire.js'
import type { Answers } from '../../../minting/answers.js'
import type { Prover } from '../../../minting/prover.js'
import type { Call } from '../../pipeline/call.js'
import { BYTES } from '../../pipeline/contracts.js'
import { type UnaryMethod, unary } from '../../pipeline/method.js'

/** `request`, where a method encodes the body of its answer: it is added when that is signed. */
export const LEFT_OUT = new Uint8Array(0)

export interface SignedPorts {
  readonly prover: Prover
  readonly answers: Answers
  readonly clock: EpochClock
  readonly maxEpochDriftMs: number
}

/** A well-formed, fresh request. */
export interface Asked<Body> {
  readonly body: Body
  /** The key that signed the body. */
  readonly signer: Uint8Array
  /** The same, for the audit log. */
  readonly caller: Caller
  /** What its headers say. */
  readonly meta: RequestMeta
}

/** A request whose signatures are not checked yet. */
export interface UnprovedRequest<Body> extends Asked<Body> {
  /** Checks them, and others that must hold besides. Throws SignatureError. */
  readonly prove: (others?: readonly ChainSignature[]) => Promise<void>
}

/**
 * A method whose messages are signed: reads the request, checks that it is fresh and who signed it, and signs the answer.
 * `handle` returns the encoded body of the answer, but for `request`.
 */
export function signedMethod<Body>(
  ports: SignedPorts,
  method: TokensMethod<Body>,
  handle: (asked: Asked<Body>, call: Call) => Promise<Uint8Array>,
): UnaryMethod {
  return unprovedMethod(ports, method, async (request, call) => {
    await request.prove()
    return handle(request, call)
  })
}

/** The same for a method that checks more before it has signatures checked: `handle` must call `prove`. */
export function unprovedMethod<Body>(
  { clock, maxEpochDriftMs, prover, answers }: SignedPorts,
  method: TokensMethod<Body>,
  handle: (request: UnprovedRequest<Body>, call: Call) => Promise<Uint8Array>,
): UnaryMethod {
  return unary({
    request: BYTES,
    response: BYTES,
    async handle(bytes, call) {
      const request = readTokensRequest(bytes, method)
      const { message, body } = request
      const maxDrift = clock.epochsIn(maxEpochDriftMs)
      checkDrift('body.epoch', request.sentEpoch, clock.now(), maxDrift)
      // In memory of its own: the request may be large.
      const signer = new Uint8Array(message.innermost.bodySignature.key)
      const caller = { name: `key ${hex.encode(signer)}`, address: call.peer }
      const prove = (others?: readonly ChainSignature[]) => {
        call.failures = message.levels.length
        return prover.prove(request, others)
      }
      const facts = await handle({ body, signer, caller, meta: request, prove }, call)
      // First, as its number is: what ties the answer to this request must be signed together with what it says.
      const answered = encodeFields([ANSWERS, requestDigestBytes(message)])
      return answers.sign(method.response, Buffer.concat([answered, facts]))
    },
  })
}

/** `request`, in the body of every answer. */
const ANSWERS = messages['sessiond.v1.RevokeResponse.Body'].request.number

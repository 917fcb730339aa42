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
import type { SignedAnswer } from '../../../minting/job.js'
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

/** What a method does with a request. It returns the encoded body of the answer, but for `request`. */
type Handle<Request> = (request: Request, call: Call) => Promise<Uint8Array>

/**
 * A method whose messages are signed: reads the request, checks that it is fresh and who signed it, and signs the answer.
 */
export function signedMethod<Body>(
  ports: SignedPorts,
  method: TokensMethod<Body>,
  handle: Handle<Asked<Body>>,
): UnaryMethod {
  return unprovedMethod(ports, method, async (request, call) => {
    await request.prove()
    return handle(request, call)
  })
}

/** The same for a method that checks more before it has signatures checked: `handle` must call `prove`. */
export function unprovedMethod<Body>(
  ports: SignedPorts,
  method: TokensMethod<Body>,
  handle: Handle<UnprovedRequest<Body>>,
): UnaryMethod {
  return openMethod(ports, method, async (request, call, bodyOf) => {
    const body = bodyOf(await handle(request, call))
    return ports.answers.sign(method.response, body)
  })
}

/**
 * The same for a method that reads little and changes nothing, where `isCheap` says so of the request: its answer is made
 * first, so that one trip to a worker thread is enough to check the request and to sign the answer. The answer goes to nobody
 * if the request is not proved.
 */
export function readingMethod<Body>(
  ports: SignedPorts,
  method: TokensMethod<Body>,
  isCheap: (body: Body) => boolean,
  handle: Handle<Asked<Body>>,
): UnaryMethod {
  return openMethod(ports, method, async (request, call, bodyOf) => {
    if (!isCheap(request.body)) {
      await request.prove()
      return ports.answers.sign(method.response, bodyOf(await handle(request, call)))
    }
    const body = bodyOf(await handle(request, call))
    return ports.answers.sign(method.response, body, await request.proveAndSign(body))
  })
}

interface OpenRequest<Body> extends UnprovedRequest<Body> {
  /** Checks the signatures, and if they hold signs the body of the answer. Throws SignatureError. */
  readonly proveAndSign: (body: Uint8Array) => Promise<SignedAnswer>
}

/** Reads a request and checks that it is fresh. `bodyOf` makes the body of its answer whole. */
function openMethod<Body>(
  { clock, maxEpochDriftMs, prover }: SignedPorts,
  method: TokensMethod<Body>,
  respond: (
    request: OpenRequest<Body>,
    call: Call,
    bodyOf: (facts: Uint8Array) => Uint8Array,
  ) => Promise<Buffer>,
): UnaryMethod {
  return unary({
    request: BYTES,
    response: BYTES,
    handle(bytes, call) {
      const request = readTokensRequest(bytes, method)
      const { message, body, sentEpoch } = request
      checkDrift('body.epoch', sentEpoch, clock.now(), clock.epochsIn(maxEpochDriftMs))
      // In memory of its own: the request may be large.
      const signer = new Uint8Array(message.innermost.bodySignature.key)
      const caller = { name: `key ${hex.encode(signer)}`, address: call.peer }
      // A refusal before that costs less than one that had signatures checked.
      const counted = () => {
        call.failures = message.levels.length
      }
      const asked = {
        ...{ body, signer, caller, meta: request },
        prove(others?: readonly ChainSignature[]) {
          counted()
          return prover.prove(request, others)
        },
        proveAndSign(answer: Uint8Array) {
          counted()
          return prover.proveAndSign(request, answer)
        },
      }
      // First, as its number is: what ties the answer to this request must be signed together with what it says.
      const answered = () => encodeFields([ANSWERS, requestDigestBytes(message)])
      return respond(asked, call, (facts) => Buffer.concat([answered(), facts]))
    },
  })
}

/** `request`, in the body of every answer. */
const ANSWERS = messages['sessiond.v1.RevokeResponse.Body'].request.number

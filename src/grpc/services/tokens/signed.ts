import { hex } from '@scure/base'
import { messages } from '#generated/fields'
import { checkDrift } from '../../../core/create/lifetime.js'
import type { EpochClock } from '../../../core/epoch.js'
import type { Caller } from '../../../core/operators/audit.js'
import type { ChainSignature } from '../../../envelope/chain.js'
import { requestDigestBytes } from '../../../envelope/digest.js'
import type { SignedMessage } from '../../../envelope/message.js'
import type { RequestMeta } from '../../../envelope/meta.js'
import {
  readTokensRequest,
  type TokensMethod,
  type TokensRequest,
} from '../../../envelope/tokens.js'
import { encodeFields } from '../../../envelope/wire.js'
import type { Answers } from '../../../minting/answers.js'
import type { SignedAnswer } from '../../../minting/job.js'
import type { Prover } from '../../../minting/prover.js'
import type { Call } from '../../pipeline/call.js'
import { BYTES } from '../../pipeline/contracts.js'
import { type StreamMethod, stream, type UnaryMethod, unary } from '../../pipeline/method.js'

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
  readonly message: SignedMessage
}

/** A request whose signatures are not checked yet. */
export interface UnprovedRequest<Body> extends Asked<Body> {
  /** Checks them, and others that must hold besides. Throws SignatureError. */
  readonly prove: (others?: readonly ChainSignature[]) => Promise<void>
  /** Checks them, and if they hold signs the body of the answer in the same go. Throws SignatureError. */
  readonly proveAndSign: (body: Uint8Array) => Promise<SignedAnswer>
}

/** What a method does with a request. It returns the encoded body of the answer, but for `request`. */
type Handle<Request> = (request: Request, call: Call) => Promise<Uint8Array>

/** The whole body of an answer, and the signature over it if it was made before. */
interface Answer {
  readonly body: Uint8Array
  readonly made?: SignedAnswer
}

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

/** The same for a method that makes the whole body of its answer, and signs it on the way. */
export function answeringMethod<Body>(
  ports: SignedPorts,
  method: TokensMethod<Body>,
  handle: (request: Asked<Body>, call: Call) => Promise<Answer>,
): UnaryMethod {
  return answered(ports, method, async (request, call) => {
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
  return answered(ports, method, async (request, call) => ({
    body: answerBody(request.message, await handle(request, call)),
  }))
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
  return answered(ports, method, async (request, call) => {
    const { message } = request
    if (!isCheap(request.body)) {
      await request.prove()
      return { body: answerBody(message, await handle(request, call)) }
    }
    const body = answerBody(message, await handle(request, call))
    return { body, made: await request.proveAndSign(body) }
  })
}

function answered<Body>(
  ports: SignedPorts,
  method: TokensMethod<Body>,
  handle: (request: UnprovedRequest<Body>, call: Call) => Promise<Answer>,
): UnaryMethod {
  return unary({
    request: BYTES,
    response: BYTES,
    async handle(bytes, call) {
      const { body, made } = await handle(readFresh(ports, method, bytes, call), call)
      return ports.answers.sign(method.response, body, made)
    },
  })
}

/** A method that answers a signed request with a stream. `handle` returns whole messages, which it signs. */
export function signedStream<Body>(
  ports: SignedPorts,
  method: TokensMethod<Body>,
  handle: (asked: Asked<Body>, call: Call) => AsyncIterable<Buffer>,
): StreamMethod {
  return stream({
    request: BYTES,
    response: BYTES,
    async *handle(bytes, call) {
      const request = readFresh(ports, method, bytes, call)
      await request.prove()
      yield* handle(request, call)
    },
  })
}

/** Reads a request, and checks that it is fresh. */
function readFresh<Body>(
  { clock, maxEpochDriftMs, prover }: SignedPorts,
  method: TokensMethod<Body>,
  bytes: Uint8Array,
  call: Call,
): UnprovedRequest<Body> {
  const request = readTokensRequest(bytes, method)
  checkDrift('body.epoch', request.sentEpoch, clock.now(), clock.epochsIn(maxEpochDriftMs))
  return new FreshRequest(prover, request, call)
}

/** A class, since V8 makes a hidden class of its own for each object literal with a getter. */
class FreshRequest<Body> implements UnprovedRequest<Body> {
  readonly signer: Uint8Array

  constructor(
    private readonly prover: Prover,
    readonly meta: TokensRequest<Body>,
    private readonly call: Call,
  ) {
    // In memory of its own: the request may be large.
    this.signer = new Uint8Array(meta.message.innermost.bodySignature.key)
  }

  get body(): Body {
    return this.meta.body
  }

  get message(): SignedMessage {
    return this.meta.message
  }

  get caller(): Caller {
    return { name: `key ${hex.encode(this.signer)}`, address: this.call.peer }
  }

  prove(others?: readonly ChainSignature[]): Promise<void> {
    this.countLevels()
    return this.prover.prove(this.meta, others)
  }

  proveAndSign(answer: Uint8Array): Promise<SignedAnswer> {
    this.countLevels()
    return this.prover.proveAndSign(this.meta, answer)
  }

  /** What is refused before that costs less. */
  private countLevels(): void {
    this.call.failures = this.message.levels.length
  }
}

/** First, as its number is: what ties the answer to this request must be signed together with what it says. */
function answerBody(message: SignedMessage, facts: Uint8Array): Uint8Array {
  return Buffer.concat([encodeFields([ANSWERS, requestDigestBytes(message)]), facts])
}

/** `request`, in the body of every answer. */
const ANSWERS = messages['sessiond.v1.RevokeResponse.Body'].request.number

import { hex } from '@scure/base'
import { messages } from '#generated/fields'
import { checkDrift } from '../../../core/create/lifetime.js'
import type { EpochClock } from '../../../core/epoch.js'
import type { Caller } from '../../../core/operators/audit.js'
import type { Signer } from '../../../crypto/ed25519.js'
import { requestDigestBytes } from '../../../envelope/digest.js'
import type { RequestMeta } from '../../../envelope/meta.js'
import type { SignedShape } from '../../../envelope/shapes.js'
import { encodeSigned } from '../../../envelope/sign.js'
import { readTokensRequest, type TokensMethod } from '../../../envelope/tokens.js'
import { encodeFields } from '../../../envelope/wire.js'
import { answerMeta } from '../../../minting/answers.js'
import type { Prover } from '../../../minting/prover.js'
import type { Call } from '../../pipeline/call.js'
import { BYTES } from '../../pipeline/contracts.js'
import { type UnaryMethod, unary } from '../../pipeline/method.js'

const NO_BYTES = new Uint8Array(0)
/** `request`, where a method encodes the body of its answer: it is added when that is signed. */
export const LEFT_OUT = NO_BYTES

export interface SignedPorts {
  readonly prover: Prover
  /** Who signs answers: asked for each, for it may change. */
  readonly identity: () => Signer
  readonly clock: EpochClock
  readonly maxEpochDriftMs: number
  /** How long the signatures of an answer took. */
  readonly onSigned: (durationMs: number) => void
}

/** A request whose signatures hold. */
export interface Asked<Body> {
  readonly body: Body
  /** The key that signed the body. */
  readonly signer: Uint8Array
  /** The same, for the audit log. */
  readonly caller: Caller
  /** What its headers say. */
  readonly meta: RequestMeta
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
  return unary({
    request: BYTES,
    response: BYTES,
    async handle(bytes, call) {
      const request = readTokensRequest(bytes, method)
      const { clock, maxEpochDriftMs, prover } = ports
      const maxDrift = clock.epochsIn(maxEpochDriftMs)
      checkDrift('body.epoch', request.sentEpoch, clock.now(), maxDrift)
      call.failures = request.message.levels.length
      await prover.prove(request)
      // In memory of its own: the request may be large.
      const signer = new Uint8Array(request.message.innermost.bodySignature.key)
      const caller = { name: `key ${hex.encode(signer)}`, address: call.peer }
      const facts = await handle({ body: request.body, signer, caller, meta: request }, call)
      // First, as its number is: what ties the answer to this request must be signed together with what it says.
      const answers = encodeFields([ANSWERS, requestDigestBytes(request.message)])
      return sign(ports, method.response, Buffer.concat([answers, facts]))
    },
  })
}

/** `request`, in the body of every answer. */
const ANSWERS = messages['sessiond.v1.RevokeResponse.Body'].request.number

interface SignedMeta {
  readonly epoch: bigint
  readonly meta: Uint8Array
  readonly signature: Uint8Array
}

/** What an identity signs again and again: nothing, and the meta header, which is the same within an epoch. */
const recurring = new WeakMap<Signer, { readonly origin: Uint8Array; meta: SignedMeta | null }>()

function sign(
  { identity, clock, onSigned }: SignedPorts,
  shape: SignedShape,
  body: Uint8Array,
): Buffer {
  const startedAtMs = performance.now()
  const signer = identity()
  const known = recurring.get(signer) ?? { origin: signer.sign(NO_BYTES), meta: null }
  recurring.set(signer, known)
  const epoch = clock.now()
  if (known.meta?.epoch !== epoch) {
    const meta = answerMeta(epoch, [])
    known.meta = { epoch, meta, signature: signer.sign(meta) }
  }
  const { meta, signature } = known.meta
  const signatures = {
    key: signer.publicKey,
    body: signer.sign(body),
    meta: signature,
    origin: known.origin,
  }
  onSigned(performance.now() - startedAtMs)
  return encodeSigned(shape, { body, meta }, signatures)
}

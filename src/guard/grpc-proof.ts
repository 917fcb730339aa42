import { sha256 } from '@noble/hashes/sha2.js'
import { hex } from '@scure/base'
import { messages } from '#generated/fields'
import { RequestMetaHeader, SessionToken as WireToken } from '#generated/service/meta'
import { verify } from '#tokens/verify'
import { sameBytes } from '../core/bytes.js'
import { EpochClock, type EpochSettings, UNIX_SECONDS } from '../core/epoch.js'
import { isCallerError } from '../core/errors.js'
import { readChain } from '../envelope/chain.js'
import { readMessage } from '../envelope/message.js'
import { readRequestMeta, senderXHeader, VERSION } from '../envelope/meta.js'
import { anyRequest } from '../envelope/shapes.js'
import { encodeSigned } from '../envelope/sign.js'
import { newNonce } from '../tokens/http-signature.js'
import type { TokenSigner } from '../tokens/index.js'
import { type Fault, fault, MAX_NONCE_CHARS, type Presented } from './verdict.js'

const metaFields = messages['service.RequestMetaHeader']

/** The x-headers that tie a meta header to one request. */
const AUDIENCE = 'guard-audience'
const METHOD = 'guard-method'
const BODY = 'guard-body-sha256'
const NONCE = 'guard-nonce'

/** Which service and which of its methods a request is for. */
export interface GrpcTarget {
  /** The guard's `audience`. */
  readonly audience: string
  /** The path of the method, such as `/objects.v1.Objects/Put`. */
  readonly path: string
}

/** A request that a guard lets through. */
export interface GrpcRequestToSign extends GrpcTarget {
  /** The encoded body of the request. */
  readonly body: Uint8Array
  /** A `service.SessionToken`. */
  readonly token: Uint8Array
  /** How the server counts epochs. Default: Unix seconds. */
  readonly epochs?: EpochSettings
}

/**
 * Signs a gRPC request with a session's key, for a service that runs a guard, and returns the whole message: a body (field 1), a
 * `service.RequestMetaHeader` with the token (2) and a `service.RequestVerificationHeader` (3). Sign each request anew: a guard
 * accepts a signature once.
 *
 * @example
 * ```ts
 * import { signGrpcRequest } from 'sessiond/guard'
 * import type { TokenSigner } from 'sessiond/token'
 *
 * const to = { audience: 'objects.example', path: '/objects.v1.Objects/Get' }
 *
 * export const request = (body: Uint8Array, token: Uint8Array, sessionKey: TokenSigner) =>
 *   signGrpcRequest({ ...to, body, token }, sessionKey)
 * ```
 */
export async function signGrpcRequest(
  { body, token, audience, path, epochs = UNIX_SECONDS }: GrpcRequestToSign,
  sessionKey: TokenSigner,
  nowMs = Date.now(),
): Promise<Uint8Array> {
  const meta = RequestMetaHeader.encode({
    version: VERSION,
    epoch: new EpochClock(epochs, () => nowMs).now(),
    ttl: 2,
    xHeaders: [
      { key: AUDIENCE, value: audience },
      { key: METHOD, value: path },
      { key: BODY, value: hex.encode(sha256(body)) },
      { key: NONCE, value: newNonce() },
    ],
    token: WireToken.decode(token),
    bearer: undefined,
    origin: undefined,
  }).finish()
  const [ofBody, ofMeta] = await Promise.all([sessionKey.sign(body), sessionKey.sign(meta)])
  const signatures = { key: sessionKey.publicKey, body: ofBody, meta: ofMeta }
  return encodeSigned(anyRequest, { body, meta }, signatures)
}

/**
 * The token in the sender's meta header, and the proof that the signatures of the request are. The x-headers in what was
 * signed say for which service, method and body it is: the envelope alone ties body and meta header by their key only. Never
 * throws.
 *
 * @example
 * ```ts
 * import { type Guard, readGrpcProof } from 'sessiond/guard'
 *
 * // Each message of a stream, as its bytes.
 * export function isGood(guard: Guard, message: Uint8Array, path: string): boolean {
 *   const proof = readGrpcProof(message, { audience: guard.audience, path }, guard.clock)
 *   return guard.check(proof, { verb: 'OBJECT_PUT' }).isGood
 * }
 * ```
 */
export function readGrpcProof(
  bytes: Uint8Array,
  target: GrpcTarget,
  clock: EpochClock,
): Presented | Fault {
  try {
    return read(bytes, target, clock)
  } catch (error) {
    if (isCallerError(error)) {
      return fault('NO_PROOF', error.message)
    }
    throw error
  }
}

function read(
  bytes: Uint8Array,
  { audience, path }: GrpcTarget,
  clock: EpochClock,
): Presented | Fault {
  const found = readMessage(bytes, anyRequest)
  readRequestMeta(found)
  const { message, metas } = found
  const sender = metas[0] as (typeof metas)[number]
  const token = sender.content(metaFields.token.number)
  if (token.length === 0) {
    return fault('NO_TOKEN', "the sender's meta header has no session token")
  }
  const nonce = senderXHeader(found, NONCE) ?? ''
  if (nonce === '' || nonce.length > MAX_NONCE_CHARS) {
    return fault('NO_PROOF', `the x-header ${NONCE} must have 1 to ${MAX_NONCE_CHARS} characters`)
  }
  const expected = {
    [AUDIENCE]: audience,
    [METHOD]: path,
    [BODY]: hex.encode(sha256(message.body)),
  }
  for (const [name, value] of Object.entries(expected)) {
    if (senderXHeader(found, name) !== value) {
      return fault('OTHER_REQUEST', `the x-header ${name} is not that of this request`)
    }
  }
  const { key, sign } = message.innermost.metaSignature
  const others = readChain(message).filter(
    ({ content, sign: other }) => content !== message.innermost.meta || other !== sign,
  )
  const epoch = sender.uint64(metaFields.epoch.number)
  return {
    token,
    proof: {
      ...{ content: message.innermost.meta, signature: sign, nonce },
      ...{ fromMs: clock.endsAtMs(epoch - 1n), toMs: clock.endsAtMs(epoch) },
      fits: (sessionKey) =>
        sameBytes(key, sessionKey) &&
        others.every((other) => verify(other.key, other.sign, other.content)),
    },
  }
}

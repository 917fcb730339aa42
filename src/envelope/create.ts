import { messages } from '#generated/fields'
import { InvalidFieldError, MissingFieldError } from '../core/errors.js'
import { ED25519_KEY_BYTES } from '../core/key-lengths.js'
import { UUID_BYTES } from '../core/uuid.js'
import { readMessage, type SignedMessage } from './message.js'
import { type RequestMeta, type ResponseMeta, readRequestMeta, readResponseMeta } from './meta.js'
import { createRequest, createResponse } from './shapes.js'
import { encodeFields } from './wire.js'

/** A well-formed request to open a session. Its signatures are not checked yet: see `verifyChain`. */
export interface CreateRequestEnvelope extends RequestMeta {
  /** What was signed and by whom, as slices of the received bytes. */
  readonly message: SignedMessage
  /** The owner's id, at least 1 byte, in memory of its own. */
  readonly owner: Uint8Array
  /** First and last epoch in which the session is to be valid (`nbf`, `exp`), and the epoch of issue (`iat`). */
  readonly lifetime: { readonly exp: bigint; readonly nbf: bigint; readonly iat: bigint }
}

/** A well-formed answer to such a request. Its signatures are not checked yet: see `verifyChain`. */
export interface CreateResponseEnvelope extends ResponseMeta {
  /** What was signed and by whom, as slices of the received bytes. */
  readonly message: SignedMessage
  /** A UUIDv4, 16 bytes, in memory of its own. */
  readonly id: Uint8Array
  /** The session's Ed25519 public key, 32 bytes, in memory of its own. */
  readonly sessionKey: Uint8Array
}

/**
 * Reads a `session.CreateRequest` from the bytes that were received: at most 64 KiB, of at most 16 levels and 1,024
 * fields. It is stricter than protobuf decoders, so that every decoder reads what was signed. The result refers to
 * `bytes`: do not change them.
 *
 * @throws {SessiondError} With code `MALFORMED` (no message of the contract), `MISSING_FIELD`, `INVALID_FIELD` or
 * `UNSUPPORTED_VERSION` (not major version 2). `field` names the part at fault, such as `body.owner_id`.
 *
 * @example
 * ```ts
 * import { readCreateRequest } from 'sessiond/envelope'
 *
 * export function describe(received: Uint8Array): string {
 *   const { lifetime, message } = readCreateRequest(received)
 *   return `valid until epoch ${lifetime.exp}, forwarded by ${message.levels.length - 1} nodes`
 * }
 * ```
 */
export function readCreateRequest(bytes: Uint8Array): CreateRequestEnvelope {
  const read = readMessage(bytes, createRequest)
  const { message, body } = read
  const ownerId = body.message(requestBody.owner_id.number)
  if (ownerId === undefined) {
    throw new MissingFieldError('body.owner_id')
  }
  const owner = ownerId.content(messages['refs.OwnerID'].value.number)
  if (owner.length === 0) {
    throw new MissingFieldError('body.owner_id.value')
  }
  const lifetime = body.message(requestBody.lifetime.number)
  if (lifetime === undefined) {
    throw new MissingFieldError('body.lifetime')
  }
  return {
    message,
    owner: new Uint8Array(owner),
    lifetime: {
      exp: lifetime.uint64(exp.number),
      nbf: lifetime.uint64(nbf.number),
      iat: lifetime.uint64(iat.number),
    },
    ...readRequestMeta(read),
  }
}

const requestBody = messages['session.CreateRequest.Body']
const { exp, nbf, iat } = messages['service.TokenLifetime']

/**
 * Reads a `session.CreateResponse` from the bytes that were received, as strictly as `readCreateRequest`.
 *
 * @throws {SessiondError} With the codes of `readCreateRequest`.
 *
 * @example
 * ```ts
 * import {
 *   naclEd25519,
 *   readCreateRequest,
 *   readCreateResponse,
 *   requestDigest,
 *   schemeVerifier,
 *   verifyChain,
 * } from 'sessiond/envelope'
 *
 * const verify = schemeVerifier(naclEd25519)
 *
 * // The session's public key, if `serverKey` signed this answer to this request.
 * export function sessionKey(received: Uint8Array, sent: Uint8Array, serverKey: Uint8Array) {
 *   const { message, sessionKey, answers } = readCreateResponse(received)
 *   const signer = verifyChain(message, { body: verify, header: verify })
 *   const isOurs = answers === requestDigest(readCreateRequest(sent).message)
 *   return isOurs && Buffer.compare(signer, serverKey) === 0 ? sessionKey : null
 * }
 * ```
 */
export function readCreateResponse(bytes: Uint8Array): CreateResponseEnvelope {
  const read = readMessage(bytes, createResponse)
  const { message, body } = read
  const id = body.content(responseFields.id.number)
  const sessionKey = body.content(responseFields.session_key.number)
  checkLength('body.id', id, UUID_BYTES)
  checkLength('body.session_key', sessionKey, ED25519_KEY_BYTES)
  return {
    message,
    id: new Uint8Array(id),
    sessionKey: new Uint8Array(sessionKey),
    ...readResponseMeta(read),
  }
}

/** Encodes a `session.CreateResponse.Body`. */
export function responseBody(id: Uint8Array, sessionKey: Uint8Array): Buffer {
  return encodeFields(
    [responseFields.id.number, id],
    [responseFields.session_key.number, sessionKey],
  )
}

const responseFields = messages['session.CreateResponse.Body']

function checkLength(path: string, value: Uint8Array, length: number): void {
  if (value.length === 0) {
    throw new MissingFieldError(path)
  }
  if (value.length !== length) {
    throw new InvalidFieldError(path, `has ${value.length} bytes; it must have ${length}`)
  }
}

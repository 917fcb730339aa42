import { messages } from '#generated/fields'
import { InvalidFieldError, MissingFieldError } from '../core/errors.js'
import { ED25519_KEY_BYTES } from '../core/key-lengths.js'
import { UUID_BYTES } from '../core/uuid.js'
import { readMessage, type SignedMessage } from './message.js'
import { type RequestMeta, type ResponseMeta, readRequestMeta, readResponseMeta } from './meta.js'
import { createRequest, createResponse } from './shapes.js'

/** A request to open a session, well formed; its signatures are not checked yet. */
export interface CreateRequestEnvelope extends RequestMeta {
  readonly message: SignedMessage
  /** At least 1 byte, in memory of its own. */
  readonly owner: Uint8Array
  /** Epochs. */
  readonly lifetime: { readonly exp: bigint; readonly nbf: bigint; readonly iat: bigint }
}

/** The answer to such a request, well formed; its signatures are not checked yet. */
export interface CreateResponseEnvelope extends ResponseMeta {
  readonly message: SignedMessage
  /** A UUIDv4, 16 bytes, in memory of its own. */
  readonly id: Uint8Array
  /** The session's Ed25519 public key, 32 bytes, in memory of its own. */
  readonly sessionKey: Uint8Array
}

/**
 * Reads a `session.CreateRequest` as it was received. Throws MalformedError, MissingFieldError,
 * VersionError or InvalidFieldError.
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
    owner: Uint8Array.from(owner),
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

/** Reads a `session.CreateResponse` as it was received. Throws as `readCreateRequest` does. */
export function readCreateResponse(bytes: Uint8Array): CreateResponseEnvelope {
  const read = readMessage(bytes, createResponse)
  const { message, body } = read
  const id = body.content(responseBody.id.number)
  const sessionKey = body.content(responseBody.session_key.number)
  checkLength('body.id', id, UUID_BYTES)
  checkLength('body.session_key', sessionKey, ED25519_KEY_BYTES)
  return {
    message,
    id: Uint8Array.from(id),
    sessionKey: Uint8Array.from(sessionKey),
    ...readResponseMeta(read),
  }
}

const responseBody = messages['session.CreateResponse.Body']

function checkLength(path: string, value: Uint8Array, length: number): void {
  if (value.length === 0) {
    throw new MissingFieldError(path)
  }
  if (value.length !== length) {
    throw new InvalidFieldError(path, `has ${value.length} bytes; it must have ${length}`)
  }
}

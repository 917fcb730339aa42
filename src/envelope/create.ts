import { CreateRequest_Body, CreateResponse_Body } from '#generated/session/service'
import { InvalidFieldError, MissingFieldError } from '../core/errors.js'
import { readMessage, type SignedMessage } from './message.js'
import {
  decodeSlice,
  type RequestMeta,
  type ResponseMeta,
  readRequestMeta,
  readResponseMeta,
} from './meta.js'
import { createRequest, createResponse } from './shapes.js'

const SESSION_ID_BYTES = 16
const SESSION_KEY_BYTES = 32

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
  const message = readMessage(bytes, createRequest)
  const { ownerId, lifetime } = decodeSlice(CreateRequest_Body, message.body, 'body')
  if (ownerId === undefined) {
    throw new MissingFieldError('body.owner_id')
  }
  if (ownerId.value.length === 0) {
    throw new MissingFieldError('body.owner_id.value')
  }
  if (lifetime === undefined) {
    throw new MissingFieldError('body.lifetime')
  }
  return {
    message,
    owner: Uint8Array.from(ownerId.value),
    lifetime,
    ...readRequestMeta(message),
  }
}

/** Reads a `session.CreateResponse` as it was received. Throws as `readCreateRequest` does. */
export function readCreateResponse(bytes: Uint8Array): CreateResponseEnvelope {
  const message = readMessage(bytes, createResponse)
  const { id, sessionKey } = decodeSlice(CreateResponse_Body, message.body, 'body')
  checkLength('body.id', id, SESSION_ID_BYTES)
  checkLength('body.session_key', sessionKey, SESSION_KEY_BYTES)
  return {
    message,
    id: Uint8Array.from(id),
    sessionKey: Uint8Array.from(sessionKey),
    ...readResponseMeta(message),
  }
}

function checkLength(path: string, value: Uint8Array, length: number): void {
  if (value.length === 0) {
    throw new MissingFieldError(path)
  }
  if (value.length !== length) {
    throw new InvalidFieldError(path, `has ${value.length} bytes; it must have ${length}`)
  }
}

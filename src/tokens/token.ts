import { BinaryWriter } from '@bufbuild/protobuf/wire'
import { base64urlnopad } from '@scure/base'
import { messages } from '#generated/fields'
import { sameBytes } from '../core/bytes.js'
import { InvalidFieldError, MalformedError, MissingFieldError } from '../core/errors.js'
import type { Lifetime } from '../core/session.js'
import {
  readAddress,
  readLifetime,
  readOwner,
  readSessionKey,
  readUuid,
  required,
} from '../envelope/fields.js'
import { sessionToken } from '../envelope/shapes.js'
import { walk } from '../envelope/walk.js'
import type { WalkedMessage } from '../envelope/walked-message.js'

/** The longest token that is read. One with the longest owner and an object has about 400 bytes. */
export const MAX_TOKEN_BYTES = 1024

/** What a token may allow, in the order of their numbers in `service.SessionToken.Body.Verb`. */
export const VERBS = [
  'OBJECT_PUT',
  'OBJECT_GET',
  'OBJECT_HEAD',
  'OBJECT_SEARCH',
  'OBJECT_DELETE',
  'OBJECT_RANGE',
  'OBJECT_RANGEHASH',
] as const

/** What may be done under a token. A token allows one verb. */
export type Verb = (typeof VERBS)[number]

/** An object, or all objects of a container. */
export interface ObjectAddress {
  /** At least 1 byte. */
  readonly containerId: Uint8Array
  /** At least 1 byte. Absent: every object of the container, and the container itself. */
  readonly objectId?: Uint8Array | undefined
}

/** The same as a `refs.Address`, to be encoded. */
export function wireAddress({ containerId, objectId }: ObjectAddress) {
  return { containerId: { value: containerId }, objectId: objectId && { value: objectId } }
}

/** What a token says. Believe it only if `checkToken` accepted the token. */
export interface SessionToken {
  /** The session's id, a UUIDv4. */
  readonly id: string
  /** The owner's id, 1 to 64 bytes. */
  readonly owner: Uint8Array
  readonly verb: Verb
  /** First and last epoch in which the token is valid (`nbf`, `exp`), and the epoch of issue (`iat`). */
  readonly lifetime: Lifetime
  /** The session's public key: Ed25519 (32 bytes) or P-256 (33 bytes, a compressed point). */
  readonly sessionKey: Uint8Array
  /** What the token is for. null: every object that the owner may reach. */
  readonly object: ObjectAddress | null
  /** The public key that signed the token, 32 or 33 bytes. */
  readonly signer: Uint8Array
}

/** A well-formed token, and what must be verified of it. */
export interface ReadToken {
  readonly token: SessionToken
  /** The bytes that are signed, as received. */
  readonly body: Uint8Array
  /** By `token.signer`, over `body`. */
  readonly signature: Uint8Array
}

const fields = messages['service.SessionToken']
const bodyFields = messages['service.SessionToken.Body']
const signatureFields = messages['service.Signature']
const LENGTH_DELIMITED = 2

/**
 * Reads a `service.SessionToken` without verifying it. The result refers to `bytes`. A token has one form: signed content
 * in any other wrapping is refused, so that nobody can make a second token of the first.
 * Throws MalformedError, MissingFieldError, InvalidFieldError.
 */
export function readToken(bytes: Uint8Array): ReadToken {
  if (bytes.length > MAX_TOKEN_BYTES) {
    throw new MalformedError(
      '',
      `${bytes.length} bytes are more than the ${MAX_TOKEN_BYTES} allowed`,
    )
  }
  const walked = walk(bytes, sessionToken)
  const body = required(walked, fields.token.number, 'token')
  const signature = required(walked, fields.signature.number, 'signature')
  const signer = signature.content(signatureFields.key.number)
  const sign = signature.content(signatureFields.sign.number)
  if (signer.length === 0 || sign.length === 0) {
    throw new MissingFieldError(`signature.${signer.length === 0 ? 'key' : 'sign'}`)
  }
  if (!sameBytes(encodeToken(body.bytes, signer, sign), bytes)) {
    throw new MalformedError('', 'the token is not in the one form that serializers write')
  }
  return { token: readBody(body, signer), body: body.bytes, signature: sign }
}

/** A whole token: the signed bytes as they are, who signed them, and the signature. */
export function encodeToken(body: Uint8Array, signer: Uint8Array, sign: Uint8Array): Uint8Array {
  const signature = new BinaryWriter()
  writeField(signature, signatureFields.key.number, signer)
  writeField(signature, signatureFields.sign.number, sign)
  const token = new BinaryWriter()
  writeField(token, fields.token.number, body)
  writeField(token, fields.signature.number, signature.finish())
  return token.finish()
}

function writeField(writer: BinaryWriter, number: number, content: Uint8Array): void {
  writer.uint32((number << 3) | LENGTH_DELIMITED).bytes(content)
}

function readBody(body: WalkedMessage, signer: Uint8Array): SessionToken {
  const id = readUuid(body.content(bodyFields.id.number), 'token.id')
  const owner = readOwner(body, bodyFields.owner_id.number, 'token.owner_id')
  const number = body.uint32(bodyFields.verb.number)
  const verb = VERBS[number]
  if (verb === undefined) {
    throw new InvalidFieldError('token.verb', `is ${number}, which is no verb here`)
  }
  return {
    id,
    owner,
    verb,
    lifetime: readLifetime(
      required(body, bodyFields.lifetime.number, 'token.lifetime'),
      'token.lifetime',
    ),
    sessionKey: readSessionKey(body.content(bodyFields.session_key.number), 'token.session_key'),
    object:
      readAddress(body.message(bodyFields.object_address.number), 'token.object_address') ?? null,
    signer,
  }
}

/**
 * A token as text: base64url without padding, for HTTP headers and command lines.
 *
 * @example
 * ```ts
 * import { tokenToText } from 'sessiond/token'
 *
 * export const authorization = (token: Uint8Array) => `Bearer ${tokenToText(token)}`
 * ```
 */
export function tokenToText(token: Uint8Array): string {
  return base64urlnopad.encode(token)
}

/** As many characters as the longest token has. */
const MAX_TOKEN_CHARS = Math.ceil((MAX_TOKEN_BYTES * 4) / 3)

/**
 * The bytes of a token that `tokenToText` wrote. They are not checked.
 *
 * @throws {SessiondError} With code `MALFORMED`: the text is not base64url, or too long.
 *
 * @example
 * ```ts
 * import { tokenFromText } from 'sessiond/token'
 *
 * export const tokenOf = (authorization: string) => tokenFromText(authorization.replace(/^Bearer /, ''))
 * ```
 */
export function tokenFromText(text: string): Uint8Array {
  if (text.length > MAX_TOKEN_CHARS) {
    throw new MalformedError('', `${text.length} characters are more than a token has`)
  }
  try {
    return base64urlnopad.decode(text)
  } catch {
    throw new MalformedError('', 'the token is no base64url text')
  }
}

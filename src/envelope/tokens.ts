import { messages } from '#generated/fields'
import { InvalidFieldError, MissingFieldError } from '../core/errors.js'
import {
  type Address,
  readAddress,
  readLifetime,
  readOwner,
  readSessionKey,
  readUuid,
  required,
  type SentLifetime,
} from './fields.js'
import { readMessage, type SignedMessage } from './message.js'
import { type RequestMeta, readRequestMeta } from './meta.js'
import { MAX_CURSOR_BYTES, type SignedShape, tokens } from './shapes.js'
import type { WalkedMessage } from './walked-message.js'
import { encodeFields } from './wire.js'

// The requests of sessiond.v1.Tokens, read as a Create is: strictly, once, and before any signature is checked.

/** A well-formed request of `sessiond.v1.Tokens`. Its signatures are not checked yet: see `verifyChain`. */
export interface TokensRequest<Body> extends RequestMeta {
  /** The sender's epoch, which it signed with the body. */
  readonly sentEpoch: bigint
  /** What was signed and by whom, as slices of the received bytes. */
  readonly message: SignedMessage
  readonly body: Body
}

/** A method of `sessiond.v1.Tokens`: its messages, and what is read of a request's body. */
export interface TokensMethod<Body> {
  readonly request: SignedShape
  readonly response: SignedShape
  /** Its number in `sessiond.v1.TokensMethod`. */
  readonly method: number
  /** Throws MissingFieldError, InvalidFieldError. */
  readonly read: (body: WalkedMessage, whole: WalkedMessage) => Body
}

// The same in every request.
const { method: METHOD, epoch: EPOCH } = messages['sessiond.v1.RevokeRequest.Body']

/**
 * Reads a request from the bytes that were received. Its body must be one of this method: another's body, which the same
 * key may have signed, is refused. Throws as `readCreateRequest` does.
 */
export function readTokensRequest<Body>(
  bytes: Uint8Array,
  { request, method, read }: TokensMethod<Body>,
): TokensRequest<Body> {
  const found = readMessage(bytes, request)
  const { message, body, whole } = found
  const sentFor = body.uint32(METHOD.number)
  if (sentFor !== method) {
    throw new InvalidFieldError('body.method', `is ${sentFor}; of this method it is ${method}`)
  }
  const sentEpoch = body.uint64(EPOCH.number)
  if (sentEpoch === 0n) {
    throw new MissingFieldError('body.epoch')
  }
  return { message, body: read(body, whole), sentEpoch, ...readRequestMeta(found) }
}

export const MAX_SIGNED_STRINGS = 64
const MAX_SIGNED_STRING_BYTES = 64 * 1024
const MAX_AUDIENCES = 8
const MAX_AUDIENCE_BYTES = 256
/** As many as a page of the sessions commands has. */
const MAX_TAKE = 100

const signBody = messages['sessiond.v1.SignRequest.Body']

export interface SignBody {
  /** A `service.SessionToken`, not read yet. */
  readonly token: Uint8Array
  /** The number of the verb, which may be none. */
  readonly verb: number
  readonly object: Address | undefined
  readonly data: readonly Uint8Array[]
}

export const signMethod: TokensMethod<SignBody> = {
  request: tokens.signRequest,
  response: tokens.signResponse,
  method: 1,
  read(body) {
    const token = body.content(signBody.token.number)
    if (token.length === 0) {
      throw new MissingFieldError('body.token')
    }
    const data = body.contents(signBody.data.number)
    checkCount('body.data', data.length, MAX_SIGNED_STRINGS)
    if (data.some(({ length }) => length > MAX_SIGNED_STRING_BYTES)) {
      const problem = `has a string of more than ${MAX_SIGNED_STRING_BYTES} bytes`
      throw new InvalidFieldError('body.data', problem)
    }
    return {
      token,
      verb: body.uint32(signBody.verb.number),
      object: readAddress(body.message(signBody.object_address.number), 'body.object_address'),
      data,
    }
  },
}

/** The body of the answer. `request`: the digest of the request, 32 bytes; signatures of 64 bytes. */
export function signResponseBody(request: Uint8Array, signatures: readonly Uint8Array[]): Buffer {
  return encodeFields(
    [signResponse.request.number, request],
    ...signatures.map((each): [number, Uint8Array] => [signResponse.signatures.number, each]),
  )
}

const signResponse = messages['sessiond.v1.SignResponse.Body']

const bindRequest = messages['sessiond.v1.BindRequest']
const bindBody = messages['sessiond.v1.BindRequest.Body']

export interface BindBody {
  /** 1 to 64 bytes, in memory of its own. */
  readonly owner: Uint8Array
  readonly lifetime: SentLifetime
  /** 32 or 33 bytes, in memory of its own. */
  readonly sessionKey: Uint8Array
  /** By the session key, over `signed`. */
  readonly proof: Uint8Array
  readonly signed: Uint8Array
}

export const bindMethod: TokensMethod<BindBody> = {
  request: tokens.bindRequest,
  response: tokens.bindResponse,
  method: 2,
  read(body, whole) {
    const proof = whole.content(bindRequest.proof.number)
    if (proof.length === 0) {
      throw new MissingFieldError('proof')
    }
    return {
      owner: readOwner(body, bindBody.owner_id.number, 'body.owner_id'),
      lifetime: readLifetime(
        required(body, bindBody.lifetime.number, 'body.lifetime'),
        'body.lifetime',
      ),
      sessionKey: new Uint8Array(
        readSessionKey(body.content(bindBody.session_key.number), 'body.session_key'),
      ),
      proof,
      signed: body.bytes,
    }
  },
}

const introspectBody = messages['sessiond.v1.IntrospectRequest.Body']

/** What is asked about: one of the three. */
export type IntrospectBody =
  | { readonly id: string }
  /** A `service.SessionToken`, not read yet. */
  | { readonly token: Uint8Array }
  | { readonly jwt: string }

export const introspectMethod: TokensMethod<IntrospectBody> = {
  request: tokens.introspectRequest,
  response: tokens.introspectResponse,
  method: 3,
  read(body) {
    const { id, token, jwt } = introspectBody
    const given = [id, token, jwt].filter(({ number }) => body.content(number).length > 0)
    if (given.length !== 1) {
      throw given.length === 0
        ? new MissingFieldError('body.id')
        : new InvalidFieldError('body', 'has more than one of id, token and jwt')
    }
    if (given[0] === id) {
      return { id: readUuid(body.content(id.number), 'body.id') }
    }
    return given[0] === token
      ? { token: body.content(token.number) }
      : { jwt: body.text(jwt.number) }
  },
}

const revokeBody = messages['sessiond.v1.RevokeRequest.Body']

export const revokeMethod: TokensMethod<{ readonly id: string }> = {
  request: tokens.revokeRequest,
  response: tokens.revokeResponse,
  method: 4,
  read: (body) => ({ id: readUuid(body.content(revokeBody.id.number), 'body.id') }),
}

const listBody = messages['sessiond.v1.ListRequest.Body']

export interface ListBody {
  /** 1 to 64 bytes, in memory of its own. */
  readonly owner: Uint8Array
  readonly skip: number
  /** 1 to 100. */
  readonly take: number
  readonly openOnly: boolean
}

export const listMethod: TokensMethod<ListBody> = {
  request: tokens.listRequest,
  response: tokens.listResponse,
  method: 5,
  read(body) {
    const owner = readOwner(body, listBody.owner_id.number, 'body.owner_id')
    const skip = Number(body.uint64(listBody.skip.number))
    if (!Number.isSafeInteger(skip)) {
      throw new InvalidFieldError('body.skip', 'is too large')
    }
    const take = body.uint32(listBody.take.number)
    if (take > MAX_TAKE) {
      throw new InvalidFieldError('body.take', `is ${take}; it may be ${MAX_TAKE}`)
    }
    return {
      owner,
      skip,
      take: take === 0 ? MAX_TAKE : take,
      openOnly: body.flag(listBody.open_only.number),
    }
  },
}

const watchBody = messages['sessiond.v1.WatchRequest.Body']

export interface WatchBody {
  /** In memory of its own. Empty: none was given. */
  readonly cursor: Uint8Array
}

export const watchMethod: TokensMethod<WatchBody> = {
  request: tokens.watchRequest,
  response: tokens.watchResponse,
  method: 6,
  read(body) {
    const cursor = body.content(watchBody.cursor.number)
    if (cursor.length > MAX_CURSOR_BYTES) {
      throw new InvalidFieldError('body.cursor', `has more than ${MAX_CURSOR_BYTES} bytes`)
    }
    return { cursor: new Uint8Array(cursor) }
  },
}

const jwtBody = messages['sessiond.v1.IssueJwtRequest.Body']

export interface IssueJwtBody {
  readonly id: string
  readonly audience: readonly string[]
  /** undefined: the session's. */
  readonly lifetime: SentLifetime | undefined
}

export const issueJwtMethod: TokensMethod<IssueJwtBody> = {
  request: tokens.issueJwtRequest,
  response: tokens.issueJwtResponse,
  method: 7,
  read(body) {
    const audience = body.contents(jwtBody.audience.number)
    checkCount('body.audience', audience.length, MAX_AUDIENCES)
    if (audience.some(({ length }) => length === 0 || length > MAX_AUDIENCE_BYTES)) {
      const problem = `must be texts of 1 to ${MAX_AUDIENCE_BYTES} bytes`
      throw new InvalidFieldError('body.audience', problem)
    }
    const lifetime = body.message(jwtBody.lifetime.number)
    return {
      id: readUuid(body.content(jwtBody.id.number), 'body.id'),
      audience: body.texts(jwtBody.audience.number),
      lifetime: lifetime && readLifetime(lifetime, 'body.lifetime'),
    }
  },
}

function checkCount(path: string, count: number, most: number): void {
  if (count === 0) {
    throw new MissingFieldError(path)
  }
  if (count > most) {
    throw new InvalidFieldError(path, `has ${count} entries; it may have ${most}`)
  }
}

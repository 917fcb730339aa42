import { RequestMetaHeader } from '#generated/service/meta'
import { CreateRequest, CreateRequest_Body } from '#generated/session/service'
import { ownerIdOf, type PrivateKey, signerOf } from '../crypto/keys.js'
import { requestDigest } from '../envelope/digest.js'
import { VERSION } from '../envelope/meta.js'
import { signRequest } from '../envelope/sign.js'
import type { Connection } from './connection/connect.js'

/** How many nodes a request may pass: the server, and one before it. */
const REQUEST_TTL = 2

/** What a request to open a session says. */
export interface RequestOptions {
  /** The owner's long-term private key, which signs. Without `owner` it also names the owner (see `ownerIdOf`). */
  readonly ownerKey: PrivateKey
  /** The id of another owner that the key may speak for (server option `--owners`), 1 to 64 bytes. */
  readonly owner?: Uint8Array | undefined
  /** How long the session is valid, in milliseconds, rounded up to whole epochs. */
  readonly lifetimeMs: number
  /** 1 to 128 bytes. A second request with the same key and body gets the same session. */
  readonly idempotencyKey: string
  /** The name of the calling program for the session's record, at most 1,024 bytes. Default: the user agent. */
  readonly clientName?: string | undefined
}

/** When a session is valid, in epochs of the server. Names of RFC 7519 section 4.1. */
export interface SessionLifetime {
  /** Last epoch at which the session is valid. */
  readonly exp: bigint
  /** First epoch at which the session is valid. */
  readonly nbf: bigint
  /** Epoch at which the request was made. */
  readonly iat: bigint
}

/** A signed request, ready to send, and what it asks for. */
export interface PreparedRequest {
  /** The message `session.CreateRequest` in protobuf's binary form. */
  readonly bytes: Uint8Array
  /** The owner's id, 1 to 64 bytes. */
  readonly owner: Uint8Array
  readonly lifetime: SessionLifetime
  /** What the answer names, 64 hex digits: see `requestDigest` of `sessiond/envelope`. */
  readonly digest: string
}

/**
 * Signs a request to open a session that begins at `nowMs` (Unix milliseconds), without sending it. `epochs` are the
 * server's, as in `ConnectOptions`. `createSession` does this for you: use it to send the request by other means.
 *
 * @throws {RangeError} A time is not a number, or lies before the first epoch.
 *
 * @example
 * ```ts
 * import { generateKey, prepareRequest } from 'sessiond/client'
 *
 * const { bytes } = prepareRequest(
 *   { ownerKey: generateKey('ed25519'), lifetimeMs: 3_600_000, idempotencyKey: crypto.randomUUID() },
 *   { genesisAtMs: 0, lengthMs: 1000 },
 *   Date.now(),
 * )
 * console.log(bytes.length)
 * ```
 */
export function prepareRequest(
  options: RequestOptions,
  epochs: Connection['epochs'],
  nowMs: number,
): PreparedRequest {
  const owner = options.owner ?? ownerIdOf(options.ownerKey)
  const lifetime = lifetimeFrom(nowMs, options.lifetimeMs, epochs)
  const body = CreateRequest_Body.encode({ ownerId: { value: owner }, lifetime }).finish()
  const meta = requestMeta(lifetime.iat, options.idempotencyKey, options.clientName)
  return {
    bytes: signRequest({ body, meta }, signerOf(options.ownerKey)),
    owner,
    lifetime,
    digest: requestDigest({ body, innermost: { meta } }),
  }
}

/** The epoch of an instant, as the server counts. Throws RangeError where there is none. */
export function epochAt(timeMs: number, { genesisAtMs, lengthMs }: Connection['epochs']): bigint {
  const epoch = Math.floor((timeMs - genesisAtMs) / lengthMs)
  if (!(Number.isSafeInteger(epoch) && epoch >= 0)) {
    throw new RangeError('the request is of no epoch of the server: look at the time and at epochs')
  }
  return BigInt(epoch)
}

/** So many milliseconds from an instant, rounded up to whole epochs. Throws RangeError. */
export function lifetimeFrom(
  timeMs: number,
  lifetimeMs: number,
  epochs: Connection['epochs'],
): SessionLifetime {
  const epoch = epochAt(timeMs, epochs)
  if (!Number.isFinite(lifetimeMs)) {
    throw new RangeError('lifetimeMs must be a number of milliseconds')
  }
  const exp = epoch + BigInt(Math.ceil(lifetimeMs / epochs.lengthMs))
  return { exp, nbf: epoch, iat: epoch }
}

/** The meta header of a request. */
export function requestMeta(
  epoch: bigint,
  idempotencyKey: string,
  clientName?: string,
): Uint8Array {
  return RequestMetaHeader.encode({
    version: VERSION,
    epoch,
    ttl: REQUEST_TTL,
    xHeaders: [
      { key: 'idempotency-key', value: idempotencyKey },
      ...(clientName === undefined ? [] : [{ key: 'client', value: clientName }]),
    ],
    token: undefined,
    bearer: undefined,
    origin: undefined,
  }).finish()
}

/**
 * The public half of an owner's key: 32 bytes for Ed25519, 33 bytes (a compressed point) for P-256.
 *
 * @example
 * ```ts
 * import { generateKey, publicKeyOf } from 'sessiond/client'
 *
 * console.log(publicKeyOf(generateKey('p256')).length) // 33
 * ```
 */
export function publicKeyOf(key: PrivateKey): Uint8Array {
  return signerOf(key).publicKey
}

/**
 * A prepared request as proto JSON, for tools such as grpcurl. They turn it back into the very bytes that were signed.
 *
 * @example
 * ```ts
 * import { type PreparedRequest, requestToJson } from 'sessiond/client'
 *
 * export function print({ bytes }: PreparedRequest): void {
 *   console.log(JSON.stringify(requestToJson(bytes), null, 2))
 * }
 * ```
 */
export function requestToJson(bytes: Uint8Array): unknown {
  return CreateRequest.toJSON(CreateRequest.decode(bytes))
}

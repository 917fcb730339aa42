import { RequestMetaHeader, type TokenLifetime } from '#generated/service/meta'
import { CreateRequest, CreateRequest_Body } from '#generated/session/service'
import type { Signer } from '../crypto/ed25519.js'
import { ownerIdOf, type PrivateKey } from '../crypto/keys.js'
import { p256Signer } from '../crypto/p256.js'
import { naclEd25519 } from '../crypto/tweetnacl.js'
import { signRequest } from '../envelope/sign.js'

/** How many nodes a request may pass: the server, and one before it. */
const REQUEST_TTL = 2

export interface RequestOptions {
  /** The owner's long-term key. It also says which owner: its Ed25519 key, or its N3 account. */
  readonly ownerKey: PrivateKey
  /** Another owner that the key may speak for, where the server maps owners itself. 1 to 64 bytes. */
  readonly owner?: Uint8Array
  readonly lifetimeMs: number
  /** 1 to 128 bytes. */
  readonly idempotencyKey: string
  /** A name for the session's record, at most 1,024 bytes. */
  readonly clientName?: string
}

/** A signed `session.CreateRequest`, ready to send, and what it asks for. */
export interface PreparedRequest {
  readonly bytes: Uint8Array
  readonly owner: Uint8Array
  readonly lifetime: TokenLifetime
}

/**
 * Signs a request to open a session from now on. `epochs` are the server's. Throws RangeError where the
 * times are none.
 */
export function prepareRequest(
  options: RequestOptions,
  epochs: { readonly genesisMs: number; readonly lengthMs: number },
  nowMs: number,
): PreparedRequest {
  const owner = options.owner ?? ownerIdOf(options.ownerKey)
  const now = Math.floor((nowMs - epochs.genesisMs) / epochs.lengthMs)
  if (!(Number.isSafeInteger(now) && now >= 0)) {
    throw new RangeError('the request is of no epoch of the server: look at the time and at epochs')
  }
  if (!Number.isFinite(options.lifetimeMs)) {
    throw new RangeError('lifetimeMs must be a number of milliseconds')
  }
  const epoch = BigInt(now)
  const lifetime = {
    exp: epoch + BigInt(Math.ceil(options.lifetimeMs / epochs.lengthMs)),
    nbf: epoch,
    iat: epoch,
  }
  const body = CreateRequest_Body.encode({ ownerId: { value: owner }, lifetime }).finish()
  const meta = RequestMetaHeader.encode({
    version: { major: 2, minor: 0 },
    epoch,
    ttl: REQUEST_TTL,
    xHeaders: [
      { key: 'idempotency-key', value: options.idempotencyKey },
      ...(options.clientName === undefined ? [] : [{ key: 'client', value: options.clientName }]),
    ],
    token: undefined,
    bearer: undefined,
    origin: undefined,
  }).finish()
  return { bytes: signRequest({ body, meta }, signerOf(options.ownerKey)), owner, lifetime }
}

/** The public half of an owner's key: 32 bytes Ed25519, or 33 bytes compressed P-256. */
export function publicKeyOf(key: PrivateKey): Uint8Array {
  return signerOf(key).publicKey
}

/** A prepared request as proto JSON, which other tools turn back into the bytes that were signed. */
export function requestToJson(bytes: Uint8Array): unknown {
  return CreateRequest.toJSON(CreateRequest.decode(bytes))
}

function signerOf(key: PrivateKey): Signer {
  return key.type === 'ed25519' ? naclEd25519.signer(key.seed) : p256Signer(key.secret)
}

import { utf8Length } from '../bytes.js'
import { MAX_CLIENT_BYTES } from '../commands/arguments.js'
import { InvalidFieldError } from '../errors.js'
import type { Lifetime } from './lifetime.js'
import { MAX_OWNER_BYTES } from './owner.js'

const MAX_IDEMPOTENCY_KEY_BYTES = 128

/** A request to open a token session, structurally sound but not yet believed. */
export interface CreateClaim {
  readonly owner: Uint8Array
  readonly lifetime: Lifetime
  /** Of the outermost meta header; 0 where its sender does not know. */
  readonly epoch: bigint
  readonly idempotencyKey: string | undefined
  readonly client: string
  /** Where the idempotency key and the client stand in the request: a path, for errors. */
  readonly xHeadersPath: string
  /** Where the request came from. */
  readonly address: string
  /** SHA-256 of the body as it was received, 32 bytes. */
  bodySha256(): Uint8Array
  /** Checks every signature and returns the body's signing key. Throws SignatureError. */
  proveSigner(): Uint8Array
}

/** Lengths that depend on the request alone. Throws InvalidFieldError. */
export function checkClaim({ owner, idempotencyKey, client, xHeadersPath }: CreateClaim): void {
  if (owner.length > MAX_OWNER_BYTES) {
    throw new InvalidFieldError(
      'body.owner_id.value',
      `has ${owner.length} bytes; it may have ${MAX_OWNER_BYTES}`,
    )
  }
  if (idempotencyKey !== undefined) {
    const length = utf8Length(idempotencyKey)
    if (length < 1 || length > MAX_IDEMPOTENCY_KEY_BYTES) {
      throw new InvalidFieldError(
        xHeadersPath,
        `has an idempotency-key of ${length} bytes; it must have 1 to ${MAX_IDEMPOTENCY_KEY_BYTES}`,
      )
    }
  }
  const length = utf8Length(client)
  if (length > MAX_CLIENT_BYTES) {
    throw new InvalidFieldError(
      xHeadersPath,
      `has a client of ${length} bytes; it may have ${MAX_CLIENT_BYTES}`,
    )
  }
}

import { utf8Length } from '../bytes.js'
import { InvalidFieldError } from '../errors.js'
import { MAX_OWNER_BYTES } from '../key-lengths.js'
import { type Lifetime, MAX_CLIENT_BYTES } from '../session.js'

const MAX_IDEMPOTENCY_KEY_BYTES = 128

/** A request to open a token session: well formed, but not verified yet. */
export interface CreateClaim {
  readonly owner: Uint8Array
  readonly lifetime: Lifetime
  /** Of the outermost meta header. 0 if its sender does not know it. */
  readonly epoch: bigint
  readonly idempotencyKey: string | undefined
  readonly client: string
  /** The path of the idempotency key and the client in the request, for errors. */
  readonly xHeadersPath: string
  /** The peer, `HOST:PORT`. */
  readonly address: string
  /** SHA-256 of the received body, 32 bytes. */
  bodySha256(): Uint8Array
  /** The public key that the body claims to be signed with. `prove` verifies that. */
  readonly signer: Uint8Array
  /** Checks every signature. Rejects with SignatureError. */
  prove(): Promise<void>
  /** Checks every signature and, if all hold, makes a session key, or takes the client's. One call, so that a worker thread can do both. */
  proveAndMint(): Promise<NewKey>
}

/** A session key for a claim. It may stay unused. */
export interface NewKey {
  /** The session's id, a UUIDv4. */
  readonly id: string
  /** Ed25519, 32 bytes. Of a client's key also P-256, 33 bytes. */
  readonly publicKey: Uint8Array
  /**
   * The seed, bound to the session and encrypted with the sealing key that is current at this call. null: the client holds
   * the private key.
   */
  readonly seal: (() => Uint8Array) | null
}

/** Checks the lengths of the claim's parts. Throws InvalidFieldError. */
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

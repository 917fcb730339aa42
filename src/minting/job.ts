import type { IdBits } from '../core/uuid.js'
import type { SealBinding } from '../crypto/seal.js'

/** A signature that must hold. */
export interface SignatureCheck {
  /** 32 bytes for Ed25519, 33 for P-256; any other length does not verify. */
  readonly key: Uint8Array
  /** 64 or 65 bytes. */
  readonly sign: Uint8Array
  /** What was signed. */
  readonly content: Uint8Array
}

/** Who a session key is for. */
export interface MintRequest extends Pick<SealBinding, 'owner' | 'lifetime'> {
  /** What `uuidV4Bytes` takes for the session's id. */
  readonly idBits: IdBits | null
  /** A meta header to sign for the answer; null where its signature is known. */
  readonly meta: Uint8Array | null
}

/** What a session's sealed key is to sign. */
export interface KeyUse {
  readonly seal: Uint8Array
  readonly sessionId: string
  readonly binding: SealBinding
  readonly data: readonly Uint8Array[]
  /** The digest of the request that asks for it, 32 bytes: the answer names it. */
  readonly request: Uint8Array
}

/** All the cryptography of one call: one trip to a worker thread and back. */
export interface MintJob {
  readonly checks: readonly SignatureCheck[]
  /** What to make once every check has passed; null for nothing. */
  readonly mint: MintRequest | null
  /** The body of an answer, to be signed by the identity once every check has passed. Absent: none. */
  readonly answer?: Uint8Array
  /** Makes the body of the answer, which is signed too. Absent: no session's key signs. */
  readonly use?: KeyUse
}

/** A signature of the server's identity that was made in the same job as what it answers. */
export interface SignedAnswer {
  /** 64 bytes. */
  readonly signature: Uint8Array
  /** The server's public key under which it verifies, 32 bytes. */
  readonly signer: Uint8Array
}

/** A new session key, sealed, and the signatures of the answer that tells of it. */
export interface Minted {
  /** The session's id, a UUIDv4, 16 bytes. */
  readonly id: Uint8Array
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array
  /** The seed as `sealSeed` seals it. */
  readonly seal: Uint8Array
  /** Over the body of the answer, 64 bytes. */
  readonly bodySignature: Uint8Array
  /** Over the `meta` of the MintRequest, 64 bytes; null if that is null. */
  readonly metaSignature: Uint8Array | null
  /** The server's public key under which both verify, 32 bytes. */
  readonly signer: Uint8Array
}

export interface MintOutcome {
  /** Which check failed; null where all passed. Those after it were not verified. */
  readonly failedCheck: number | null
  /** Null where a check failed, or nothing was to be made. */
  readonly minted: Minted | null
  /** Over the `answer` of the job, or over what its `use` made. Absent where a check failed, or there was neither. */
  readonly answered?: SignedAnswer
  /** The body of the answer that the `use` of the job made. */
  readonly used?: Uint8Array
  /** How long the checks took together, in milliseconds. */
  readonly verifyMs: number
  /** How long the signatures of the answer took together, in milliseconds. */
  readonly signMs: number
}

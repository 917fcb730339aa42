/** Signs with one private key. */
export interface Signer {
  /** The public key: 32 bytes for Ed25519, 33 (a compressed point) for P-256. */
  readonly publicKey: Uint8Array
  /** Signs a message of any length. Signatures have 64 bytes, or 65 for P-256 with SHA-512. */
  sign(message: Uint8Array): Uint8Array
}

/** Signs with an Ed25519 key that other threads may also use. */
export interface SeededSigner extends Signer {
  /** The private key: 32 bytes, secret. A function, so that printing the signer does not show it. */
  seed(): Uint8Array
}

/** An implementation of Ed25519 without prehash (RFC 8032 section 5.1). */
export interface Ed25519 {
  /** The public key (32 bytes) that belongs to a seed (32 bytes). */
  publicKey(seed: Uint8Array): Uint8Array
  /** A signer with the key of a seed (32 bytes). Signatures have 64 bytes (section 5.1.6). */
  signer(seed: Uint8Array): Signer
  /**
   * Whether `signature` is the key's signature over `message`. Never throws; wrong lengths give false. Without cofactor,
   * and stricter than section 5.1.7: also false for keys and R of small order, with which one signature fits many
   * messages, and for keys, R and S that are not in canonical form.
   */
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean
}

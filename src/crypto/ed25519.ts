/** Signs with one private key. */
export interface Signer {
  /** 32 bytes for Ed25519, 33 (a compressed point) for P-256. */
  readonly publicKey: Uint8Array
  sign(message: Uint8Array): Uint8Array
}

/** Signs with an Ed25519 key that another thread may be given too. */
export interface SeededSigner extends Signer {
  /** Secret, 32 bytes. A function, so that what shows an object does not show it. */
  seed(): Uint8Array
}

/** Ed25519 without prehash (RFC 8032 section 5.1). */
export interface Ed25519 {
  /** The public key, 32 bytes, of a seed of 32 bytes. */
  publicKey(seed: Uint8Array): Uint8Array
  /** Signs with a seed of 32 bytes; signatures have 64 (section 5.1.6). */
  signer(seed: Uint8Array): Signer
  /**
   * Without cofactor, and stricter than section 5.1.7: false also for keys and R of small order,
   * for which one signature fits many messages, and for keys, R and S that are not in canonical
   * form. Any lengths may be given; wrong ones are false.
   */
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean
}

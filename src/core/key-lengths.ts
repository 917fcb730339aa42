/** An Ed25519 public key (RFC 8032 section 5.1.5). */
export const ED25519_KEY_BYTES = 32
/** An Ed25519 signature (RFC 8032 section 5.1.6). */
export const ED25519_SIGNATURE_BYTES = 64
/** What an Ed25519 key pair is made from: its private key (RFC 8032 section 5.1.5). */
export const SEED_BYTES = 32
/** A P-256 public key as a compressed point (SEC 1 section 2.3.3). */
export const P256_KEY_BYTES = 33
/** A P-256 private key: a scalar, big-endian (SEC 1 section 2.3.7). */
export const P256_SECRET_BYTES = 32
/** An N3 account: version, hash and checksum. */
export const N3_ACCOUNT_BYTES = 25
/** The longest owner id: a key, an account, or a name. */
export const MAX_OWNER_BYTES = 64

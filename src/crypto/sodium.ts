import sodium from 'sodium-native'
import { ED25519_KEY_BYTES, ED25519_SIGNATURE_BYTES, SEED_BYTES } from '../core/key-lengths.js'
import type { Ed25519 } from './ed25519.js'

const SECRET_KEY_BYTES = 64

// Small results come from Buffer's pool: native code forces a Uint8Array of its own out of the heap, which costs an
// allocation and a collection.

/** Takes the half of a key pair that nobody needs. Calls are synchronous, so they can share it. */
const discarded = new Uint8Array(SECRET_KEY_BYTES)

/** Ed25519 with libsodium, which is as strict as the interface asks. Native code, so only for the server. */
export const sodiumEd25519: Ed25519 = {
  publicKey(seed) {
    const publicKey = Buffer.allocUnsafe(ED25519_KEY_BYTES)
    sodium.crypto_sign_seed_keypair(publicKey, discarded, seed)
    // It begins with the seed.
    discarded.fill(0)
    return publicKey
  },

  signer(seed) {
    const publicKey = new Uint8Array(ED25519_KEY_BYTES)
    const secretKey = new Uint8Array(SECRET_KEY_BYTES)
    sodium.crypto_sign_seed_keypair(publicKey, secretKey, seed)
    return {
      publicKey,
      sign(message) {
        const signature = Buffer.allocUnsafe(ED25519_SIGNATURE_BYTES)
        sodium.crypto_sign_detached(signature, message, secretKey)
        return signature
      },
    }
  },

  verify: (publicKey, message, signature) =>
    publicKey.length === ED25519_KEY_BYTES &&
    signature.length === ED25519_SIGNATURE_BYTES &&
    // The binding returns undefined if it could not read an argument: compare with true.
    sodium.crypto_sign_verify_detached(signature, message, publicKey) === true,
}

/**
 * Signs messages with the key of a seed (32 bytes), and wipes what it made of the seed. Signatures have 64 bytes. The
 * caller wipes the seed. `publicKey` must be the seed's own, as a seal that opened says: with any other, a signature would
 * give the private key away.
 */
export function signOnce(
  seed: Uint8Array,
  publicKey: Uint8Array,
  messages: readonly Uint8Array[],
): Uint8Array[] {
  // What libsodium makes of a seed: deriving the public half again would cost as much as a signature.
  // Not a Uint8Array of its own: native code moves that out of the heap, and a copy stays there.
  const secretKey = Buffer.allocUnsafe(SECRET_KEY_BYTES)
  secretKey.set(seed)
  secretKey.set(publicKey, SEED_BYTES)
  try {
    return messages.map((message) => {
      const signature = Buffer.allocUnsafe(ED25519_SIGNATURE_BYTES)
      sodium.crypto_sign_detached(signature, message, secretKey)
      return signature
    })
  } finally {
    secretKey.fill(0)
  }
}

/** Bytes from the system's random source, in memory of their own. Three times as fast as node:crypto. */
export function sodiumRandomBytes(length: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(length)
  sodium.randombytes_buf(bytes)
  return bytes
}

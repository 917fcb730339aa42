import sodium from 'sodium-native'
import { ED25519_KEY_BYTES, ED25519_SIGNATURE_BYTES } from '../core/key-lengths.js'
import type { Ed25519 } from './ed25519.js'

const SECRET_KEY_BYTES = 64

// Small results come from Buffer's pool: a Uint8Array of its own costs an allocation outside the heap
// as soon as native code looks at it, and its collection later.

/** For the half of a key pair that nobody wants. Calls are synchronous, so they cannot meet in it. */
const discarded = new Uint8Array(SECRET_KEY_BYTES)

/** Ed25519 by libsodium, which is as strict as the interface asks. Native code: the server's alone. */
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
    // Not truthiness: the binding's third answer, undefined, means that it did not look.
    sodium.crypto_sign_verify_detached(signature, message, publicKey) === true,
}

/** Bytes from the system's random source, in memory of their own; a third of what node:crypto takes. */
export function sodiumRandomBytes(length: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(length)
  sodium.randombytes_buf(bytes)
  return bytes
}

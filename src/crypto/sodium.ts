import sodium from 'sodium-native'
import type { Ed25519 } from './ed25519.js'

const PUBLIC_KEY_BYTES = 32
const SECRET_KEY_BYTES = 64
const SIGNATURE_BYTES = 64

/** Ed25519 by libsodium, which is as strict as the interface asks. Native code: the server's alone. */
export const sodiumEd25519: Ed25519 = {
  publicKey(seed) {
    const { publicKey, secretKey } = keyPair(seed)
    // It begins with the seed.
    secretKey.fill(0)
    return publicKey
  },

  signer(seed) {
    const { publicKey, secretKey } = keyPair(seed)
    return {
      publicKey,
      sign(message) {
        const signature = new Uint8Array(SIGNATURE_BYTES)
        sodium.crypto_sign_detached(signature, message, secretKey)
        return signature
      },
    }
  },

  verify: (publicKey, message, signature) =>
    publicKey.length === PUBLIC_KEY_BYTES &&
    signature.length === SIGNATURE_BYTES &&
    // Not truthiness: the binding's third answer, undefined, means that it did not look.
    sodium.crypto_sign_verify_detached(signature, message, publicKey) === true,
}

/** Bytes from the system's random source, in memory of their own; a third of what node:crypto takes. */
export function sodiumRandomBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  sodium.randombytes_buf(bytes)
  return bytes
}

function keyPair(seed: Uint8Array) {
  const publicKey = new Uint8Array(PUBLIC_KEY_BYTES)
  const secretKey = new Uint8Array(SECRET_KEY_BYTES)
  sodium.crypto_sign_seed_keypair(publicKey, secretKey, seed)
  return { publicKey, secretKey }
}

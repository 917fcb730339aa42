import { ed25519 } from '@noble/curves/ed25519.js'
import { bytesToNumberLE } from '@noble/curves/utils.js'
import nacl from 'tweetnacl'
import { ED25519_KEY_BYTES, ED25519_SIGNATURE_BYTES } from '../core/key-lengths.js'
import type { Ed25519 } from './ed25519.js'

const { Point } = ed25519

/**
 * Ed25519 in pure JavaScript, for clients and browsers; signing takes about 8 ms and verifying 17. tweetnacl accepts keys
 * of small order and S + L, so these are checked here: it decides as libsodium does.
 *
 * @example
 * ```ts
 * import { naclEd25519 } from 'sessiond/envelope'
 *
 * const signer = naclEd25519.signer(crypto.getRandomValues(new Uint8Array(32)))
 * console.log(signer.publicKey.length, signer.sign(new Uint8Array(0)).length) // 32 64
 * ```
 */
export const naclEd25519: Ed25519 = {
  publicKey: (seed) => nacl.sign.keyPair.fromSeed(seed).publicKey,

  signer(seed) {
    const { publicKey, secretKey } = nacl.sign.keyPair.fromSeed(seed)
    return { publicKey, sign: (message) => nacl.sign.detached(message, secretKey) }
  },

  verify: (publicKey, message, signature) =>
    signature.length === ED25519_SIGNATURE_BYTES &&
    isStrictPoint(publicKey) &&
    isStrictPoint(signature.subarray(0, ED25519_KEY_BYTES)) &&
    Point.Fn.isValid(bytesToNumberLE(signature.subarray(ED25519_KEY_BYTES))) &&
    nacl.sign.detached.verify(message, signature, publicKey),
}

/** Whether these are the 32 bytes of a point in canonical form (RFC 8032 section 5.1.3), not of small order. */
function isStrictPoint(bytes: Uint8Array): boolean {
  try {
    return !Point.fromBytes(bytes).isSmallOrder()
  } catch {
    return false
  }
}

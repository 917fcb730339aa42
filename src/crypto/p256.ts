import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { ecdsa } from '@noble/curves/abstract/weierstrass.js'
import { p256 } from '@noble/curves/nist.js'
import { sha512 } from '@noble/hashes/sha2.js'
import { concatBytes } from '@noble/hashes/utils.js'
import { hex } from '@scure/base'
import { LRUCache } from 'lru-cache'
import { P256_KEY_BYTES } from '../core/key-lengths.js'
import type { Signer } from './ed25519.js'

/** The form of a P-256 signature. `sha256`: 64 bytes, R ‖ S. `sha512`: 65 bytes, 0x04 ‖ R ‖ S. */
export type P256Form = 'sha256' | 'sha512'

const SHA256_FORM_BYTES = 64
const SHA512_FORM_BYTES = 65
const SHA512_FORM_TAG = 0x04

// An instance of its own: RFC 6979 derives the nonce with the hash that signs.
const p256Sha512 = ecdsa(p256.Point, sha512, { lowS: false })

/**
 * The public key of a P-256 secret, as a compressed point (SEC 1 section 2.3.3): 33 bytes. The secret is a scalar in
 * big-endian order, 32 bytes.
 *
 * @throws {Error} The secret has another length, or is 0 or not below the order of the curve.
 *
 * @example
 * ```ts
 * import { p256PublicKey } from 'sessiond/envelope'
 *
 * console.log(p256PublicKey(Uint8Array.from({ length: 32 }, (_, i) => i)))
 * ```
 */
export function p256PublicKey(secret: Uint8Array): Uint8Array {
  return p256.getPublicKey(secret)
}

/**
 * A signer by ECDSA on P-256 with deterministic nonces (RFC 6979). The secret is a scalar in big-endian order, 32
 * bytes. `form`: default `sha256`.
 *
 * @throws {Error} The secret has another length, or is 0 or not below the order of the curve.
 *
 * @example
 * ```ts
 * import { p256Signer, wrapRequest } from 'sessiond/envelope'
 *
 * export function forward(received: Uint8Array, secret: Uint8Array): Uint8Array {
 *   return wrapRequest(received, p256Signer(secret, 'sha512'))
 * }
 * ```
 */
export function p256Signer(secret: Uint8Array, form: P256Form = 'sha256'): Signer {
  return {
    publicKey: p256PublicKey(secret),
    sign:
      form === 'sha256'
        ? (message) => p256.sign(message, secret, { lowS: false })
        : (message) =>
            concatBytes(Uint8Array.of(SHA512_FORM_TAG), p256Sha512.sign(message, secret)),
  }
}

/**
 * Verifies either form with OpenSSL, thirty times as fast as JavaScript. Both high and low S pass. Anything that is no
 * compressed point on the curve, or no signature, gives false.
 */
export function verifyP256(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const isSha512 = signature.length === SHA512_FORM_BYTES && signature[0] === SHA512_FORM_TAG
  if (!isSha512 && signature.length !== SHA256_FORM_BYTES) {
    return false
  }
  const publicKey = importKey(key)
  return (
    publicKey !== undefined &&
    verify(
      isSha512 ? 'sha512' : 'sha256',
      message,
      { key: publicKey, dsaEncoding: 'ieee-p1363' },
      isSha512 ? signature.subarray(1) : signature,
    )
  )
}

// SubjectPublicKeyInfo of RFC 5480 section 2 (id-ecPublicKey, secp256r1), up to the compressed point.
const SPKI_PREFIX = hex.decode('3039301306072a8648ce3d020106082a8648ce3d030107032200')

/** Of as many signers, about 1.5 KB each. */
const IMPORTED_KEYS = 10_000
// Importing a key costs about as much as verifying with it. Entries go by content and never change: safe to share.
const imported = new LRUCache<string, KeyObject>({ max: IMPORTED_KEYS })

function importKey(key: Uint8Array): KeyObject | undefined {
  if (key.length !== P256_KEY_BYTES) {
    return undefined
  }
  const name = Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1')
  let publicKey = imported.get(name)
  if (publicKey === undefined) {
    try {
      const spki = Buffer.concat([SPKI_PREFIX, key])
      publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' })
    } catch {
      // The 33 bytes are no point on the curve.
      return undefined
    }
    imported.set(name, publicKey)
  }
  return publicKey
}

import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { ecdsa } from '@noble/curves/abstract/weierstrass.js'
import { p256 } from '@noble/curves/nist.js'
import { sha512 } from '@noble/hashes/sha2.js'
import { concatBytes } from '@noble/hashes/utils.js'
import { hex } from '@scure/base'
import { LRUCache } from 'lru-cache'
import { P256_KEY_BYTES } from '../core/key-lengths.js'
import type { Signer } from './ed25519.js'

/** `sha256`: 64 bytes, R ‖ S. `sha512`: 65 bytes, 0x04 ‖ R ‖ S. */
export type P256Form = 'sha256' | 'sha512'

const SHA256_FORM_BYTES = 64
const SHA512_FORM_BYTES = 65
const SHA512_FORM_TAG = 0x04

// Its own instance, since RFC 6979 derives the nonce by the HMAC of the hash that signs.
const p256Sha512 = ecdsa(p256.Point, sha512, { lowS: false })

/** The public key, a compressed point (SEC 1 section 2.3.3, 33 bytes), of a secret of 32 bytes. */
export function p256PublicKey(secret: Uint8Array): Uint8Array {
  return p256.getPublicKey(secret)
}

/** Signs by ECDSA on P-256 with deterministic nonces (RFC 6979) and a secret of 32 bytes. */
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
 * Verifies either form by OpenSSL, thirty times as fast as JavaScript. High and low S both pass;
 * false, never an error, for whatever is not a compressed point on the curve or not a signature.
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

// Importing a key costs about as much as verifying with it. Immutable values by content: safe to share.
const imported = new LRUCache<string, KeyObject>({ max: 1024 })

function importKey(key: Uint8Array): KeyObject | undefined {
  if (key.length !== P256_KEY_BYTES) {
    return undefined
  }
  const spki = Buffer.concat([SPKI_PREFIX, key])
  const name = spki.toString('latin1', SPKI_PREFIX.length)
  let publicKey = imported.get(name)
  if (publicKey === undefined) {
    try {
      publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' })
    } catch {
      // The only thing left that can be wrong: these 33 bytes are not a point of the curve.
      return undefined
    }
    imported.set(name, publicKey)
  }
  return publicKey
}

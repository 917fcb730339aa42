import { ecdsa } from '@noble/curves/abstract/weierstrass.js'
import { p256 } from '@noble/curves/nist.js'
import { sha512 } from '@noble/hashes/sha2.js'
import { ED25519_KEY_BYTES, P256_KEY_BYTES } from '../core/key-lengths.js'
import type { Verify } from '../crypto/schemes.js'
import { naclEd25519 } from '../crypto/tweetnacl.js'

const SHA512_FORM_BYTES = 65
const SHA512_FORM_TAG = 0x04
/** Signers elsewhere do not choose the low S. */
const ANY_S = { lowS: false }
const p256Sha512 = ecdsa(p256.Point, sha512, ANY_S)

/** Verifies all schemes of the protocol in JavaScript, as `verify-node.ts` does by OpenSSL. */
export const verify: Verify = (key, sign, message) => {
  switch (key.length) {
    case ED25519_KEY_BYTES:
      return naclEd25519.verify(key, message, sign)
    case P256_KEY_BYTES:
      return verifyP256(key, sign, message)
    default:
      return false
  }
}

function verifyP256(key: Uint8Array, sign: Uint8Array, message: Uint8Array): boolean {
  try {
    return sign.length === SHA512_FORM_BYTES
      ? sign[0] === SHA512_FORM_TAG && p256Sha512.verify(sign.subarray(1), message, key, ANY_S)
      : p256.verify(sign, message, key, ANY_S)
  } catch {
    return false // The bytes are no key, or no signature.
  }
}

import { LRUCache } from 'lru-cache'
import { ED25519_KEY_BYTES, P256_KEY_BYTES } from '../core/key-lengths.js'
import type { Ed25519 } from './ed25519.js'
import { verifyP256 } from './p256.js'

/** Whether `sign` is the signature of `message` under `key`. Never throws, whatever the bytes. */
export type Verify = (key: Uint8Array, sign: Uint8Array, message: Uint8Array) => boolean

/** What is longer is not remembered: a signer of 64 KiB at a time would fill the memory. */
const MAX_REMEMBERED_BYTES = 1024

/**
 * Tells the schemes apart by length: a key of 32 bytes is Ed25519 and signs in 64; a key of 33 is
 * P-256 and signs in 64 (SHA-256) or 65 (SHA-512). Whatever else is false.
 */
export function schemeVerifier(ed25519: Ed25519): Verify {
  return (key, sign, message) => {
    switch (key.length) {
      case ED25519_KEY_BYTES:
        return ed25519.verify(key, message, sign)
      case P256_KEY_BYTES:
        return verifyP256(key, message, sign)
      default:
        return false
    }
  }
}

/**
 * Remembers the last `maxEntries` signatures that verified, for short headers that recur unchanged.
 *
 * It answers true only where `verify` did for the same bytes: verifying depends on nothing else, and
 * entries go by the very bytes of key, signature and message, each told from the next by its length.
 * What failed is not remembered, so that strangers cannot push out what is worth keeping for free.
 */
export function cachedVerify(verify: Verify, maxEntries: number): Verify {
  const verified = new LRUCache<string, true>({ max: maxEntries })
  return (key, sign, message) => {
    if (key.length + sign.length + message.length > MAX_REMEMBERED_BYTES) {
      return verify(key, sign, message)
    }
    const bytes = Buffer.concat([key, sign, message])
    const entry = `${key.length} ${sign.length} ${bytes.toString('latin1')}`
    if (verified.get(entry) === true) {
      return true
    }
    const valid = verify(key, sign, message)
    if (valid) {
      verified.set(entry, true)
    }
    return valid
  }
}

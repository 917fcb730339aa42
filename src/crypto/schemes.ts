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
 * It knows the very bytes of key, signature and message, each told from the next by its length: verifying
 * depends on nothing else. What failed is never added, so that strangers cannot push out what is worth
 * keeping for free.
 */
export class VerifiedSignatures {
  private readonly entries: LRUCache<string, true>

  constructor(maxEntries: number) {
    this.entries = new LRUCache({ max: maxEntries })
  }

  /** Whether these were added. */
  has(key: Uint8Array, sign: Uint8Array, message: Uint8Array): boolean {
    return isShort(key, sign, message) && this.entries.get(entryOf(key, sign, message)) === true
  }

  /** To be called only where `sign` is the signature of `message` under `key`. What is long is not kept. */
  add(key: Uint8Array, sign: Uint8Array, message: Uint8Array): void {
    if (isShort(key, sign, message)) {
      this.entries.set(entryOf(key, sign, message), true)
    }
  }
}

/** The same as `verify`, but signatures that verified lately are not checked again. */
export function cachedVerify(verify: Verify, maxEntries: number): Verify {
  const verified = new VerifiedSignatures(maxEntries)
  return (key, sign, message) => {
    if (verified.has(key, sign, message)) {
      return true
    }
    const isValid = verify(key, sign, message)
    if (isValid) {
      verified.add(key, sign, message)
    }
    return isValid
  }
}

function isShort(key: Uint8Array, sign: Uint8Array, message: Uint8Array): boolean {
  return key.length + sign.length + message.length <= MAX_REMEMBERED_BYTES
}

function entryOf(key: Uint8Array, sign: Uint8Array, message: Uint8Array): string {
  const bytes = Buffer.concat([key, sign, message])
  return `${key.length} ${sign.length} ${bytes.toString('latin1')}`
}

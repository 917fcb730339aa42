import { LRUCache } from 'lru-cache'
import { ED25519_KEY_BYTES, P256_KEY_BYTES } from '../core/key-lengths.js'
import type { Ed25519 } from './ed25519.js'
import { verifyP256 } from './p256.js'

/** Whether `sign` is the signature over `message` by `key`. Never throws, whatever the bytes and their lengths. */
export type Verify = (key: Uint8Array, sign: Uint8Array, message: Uint8Array) => boolean

/** Longer entries are not remembered: messages of 64 KiB would fill the memory. */
const MAX_REMEMBERED_BYTES = 1024

/**
 * A verifier for all schemes of the protocol, which it tells apart by length. A key of 32 bytes is Ed25519, with
 * signatures of 64 bytes. A key of 33 bytes is P-256, with signatures of 64 (SHA-256) or 65 bytes (SHA-512). All other
 * lengths give false.
 *
 * @example
 * ```ts
 * import { naclEd25519, schemeVerifier } from 'sessiond/envelope'
 *
 * const verify = schemeVerifier(naclEd25519)
 * const signer = naclEd25519.signer(new Uint8Array(32))
 * const message = new TextEncoder().encode('a message')
 * console.log(verify(signer.publicKey, signer.sign(message), message))
 * ```
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
 * Remembers the last `maxEntries` signatures that verified, for headers that recur unchanged. An entry is the bytes of
 * key, signature and message, separated by their lengths: verifying depends on nothing else. An entry takes about 300
 * bytes. Failures are never added: strangers could otherwise push out good entries at no cost.
 */
export class VerifiedSignatures {
  private readonly entries: LRUCache<string, true>

  constructor(maxEntries: number) {
    this.entries = new LRUCache({ max: maxEntries })
  }

  /** Whether these bytes were added. */
  has(key: Uint8Array, sign: Uint8Array, message: Uint8Array): boolean {
    return isShort(key, sign, message) && this.entries.get(entryOf(key, sign, message)) === true
  }

  /** Call it only after `sign` has verified as the signature over `message` by `key`. Ignores more than 1,024 bytes. */
  add(key: Uint8Array, sign: Uint8Array, message: Uint8Array): void {
    if (isShort(key, sign, message)) {
      this.entries.set(entryOf(key, sign, message), true)
    }
  }
}

/**
 * A verifier like `verify` that remembers the last `maxEntries` signatures that verified, for headers that recur
 * unchanged. An entry takes about 300 bytes. Longer ones than 1,024 bytes (key, signature and message together) are
 * verified each time.
 *
 * @example
 * ```ts
 * import { cachedVerify, naclEd25519, schemeVerifier } from 'sessiond/envelope'
 *
 * const verify = schemeVerifier(naclEd25519)
 * export const verifiers = { body: verify, header: cachedVerify(verify, 10_000) }
 * ```
 */
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

import { LRUCache } from 'lru-cache'
import { ED25519_KEY_BYTES, P256_KEY_BYTES } from '../core/key-lengths.js'
import type { Ed25519 } from './ed25519.js'
import { verifyP256 } from './p256.js'

/** Whether `sign` is the signature over `message` by `key`. Never throws, whatever the bytes and their lengths. */
export type Verify = (key: Uint8Array, sign: Uint8Array, message: Uint8Array) => boolean

/** Longer ones are not remembered: messages of 64 KiB would fill the memory. */
const MAX_REMEMBERED_BYTES = 1024
const MEAN_ENTRY_BYTES = 512
/** Beside its text: what the cache and V8 take. */
const ENTRY_OVERHEAD_BYTES = 100
/** The lengths of key and signature. */
const ENTRY_HEAD_BYTES = 4
const scratch = Buffer.allocUnsafeSlow(ENTRY_HEAD_BYTES + MAX_REMEMBERED_BYTES)

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
 * Remembers signatures that verified, for headers that recur unchanged. An entry is the bytes of key, signature and
 * message, with their lengths: verifying depends on nothing else. Failures are never added: strangers could otherwise
 * push out good entries at no cost. It keeps the last `maxEntries`, in at most 512 bytes each on average.
 */
export class VerifiedSignatures {
  private readonly entries: LRUCache<string, true>

  constructor(maxEntries: number) {
    this.entries = new LRUCache({
      max: maxEntries,
      maxSize: Math.max(maxEntries * MEAN_ENTRY_BYTES, scratch.length + ENTRY_OVERHEAD_BYTES),
      sizeCalculation: (_, entry) => entry.length + ENTRY_OVERHEAD_BYTES,
    })
  }

  /** What to ask for and to add; null if it would be too long to be remembered. */
  static entryOf(key: Uint8Array, sign: Uint8Array, message: Uint8Array): string | null {
    const signAt = ENTRY_HEAD_BYTES + key.length
    const messageAt = signAt + sign.length
    const end = messageAt + message.length
    if (end > scratch.length) {
      return null
    }
    scratch.writeUInt16LE(key.length)
    scratch.writeUInt16LE(sign.length, 2)
    scratch.set(key, ENTRY_HEAD_BYTES)
    scratch.set(sign, signAt)
    scratch.set(message, messageAt)
    return scratch.toString('latin1', 0, end)
  }

  /** Whether this entry was added. */
  has(entry: string): boolean {
    return this.entries.get(entry) === true
  }

  /** Call it only after the signature has verified. */
  add(entry: string): void {
    this.entries.set(entry, true)
  }
}

/**
 * A verifier like `verify` that remembers the last `maxEntries` signatures that verified, for headers that recur
 * unchanged. An entry takes about 300 bytes, and at most 512 on average. If key, signature and message together have more
 * than 1,024 bytes, they are verified each time.
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
    const entry = VerifiedSignatures.entryOf(key, sign, message)
    if (entry !== null && verified.has(entry)) {
      return true
    }
    const isValid = verify(key, sign, message)
    if (isValid && entry !== null) {
      verified.add(entry)
    }
    return isValid
  }
}

import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { ED25519_KEY_BYTES, ED25519_SIGNATURE_BYTES } from '../core/key-lengths.js'
import type { Ed25519 } from './ed25519.js'

/** PKCS #8 (RFC 8410 section 7) up to the seed. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')
/** SubjectPublicKeyInfo (RFC 8410 section 4) up to the key. */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')

/**
 * Ed25519 by OpenSSL, in Node. Signing takes about 35 µs and verifying 100. OpenSSL accepts keys and R of small order, and
 * keys that are not in canonical form, so these are checked here: it decides as libsodium does.
 *
 * @example
 * ```ts
 * import { randomBytes } from 'node:crypto'
 * import { nodeEd25519 } from 'sessiond/envelope'
 *
 * const signer = nodeEd25519.signer(randomBytes(32))
 * console.log(signer.publicKey.length, signer.sign(new Uint8Array(0)).length) // 32 64
 * ```
 */
export const nodeEd25519: Ed25519 = {
  publicKey: (seed) => publicKeyOf(importSeed(seed)),

  signer(seed) {
    const key = importSeed(seed)
    return { publicKey: publicKeyOf(key), sign: (message) => sign(null, message, key) }
  },

  verify(publicKey, message, signature) {
    if (
      publicKey.length !== ED25519_KEY_BYTES ||
      signature.length !== ED25519_SIGNATURE_BYTES ||
      !isStrict(publicKey) ||
      !isStrict(signature.subarray(0, ED25519_KEY_BYTES))
    ) {
      return false
    }
    const key = importPublicKey(publicKey)
    return key !== null && verify(null, message, key, signature)
  },
}

function importSeed(seed: Uint8Array): KeyObject {
  const key = Buffer.concat([PKCS8_PREFIX, seed])
  const imported = createPrivateKey({ key, format: 'der', type: 'pkcs8' })
  key.fill(0)
  return imported
}

function publicKeyOf(key: KeyObject): Uint8Array {
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' })
  return Uint8Array.from(spki.subarray(SPKI_PREFIX.length))
}

// A client checks the answers of few servers. Immutable values by content: safe to share.
const imported = new LRUCache<string, KeyObject>({ max: 100 })

function importPublicKey(bytes: Uint8Array): KeyObject | null {
  const name = Buffer.from(bytes).toString('latin1')
  let key = imported.get(name)
  if (key === undefined) {
    try {
      // OpenSSL 3 takes seven times as long to read a SubjectPublicKeyInfo.
      const jwk = { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(bytes).toString('base64url') }
      key = createPublicKey({ key: jwk, format: 'jwk' })
    } catch {
      return null
    }
    imported.set(name, key)
  }
  return key
}

/** y of the points of small order in canonical form, little-endian, without the sign of x. */
const SMALL_ORDER_Y: ReadonlySet<string> = new Set([
  `01${'00'.repeat(31)}`,
  '00'.repeat(32),
  `ec${'ff'.repeat(30)}7f`,
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
])

/** Whether a point is in canonical form (RFC 8032 section 5.1.3: y < p) and not of small order. */
function isStrict(point: Uint8Array): boolean {
  const y = Buffer.from(point)
  const last = ED25519_KEY_BYTES - 1
  y[last] = (y[last] as number) & 0x7f
  // p is 2^255 − 19: its bytes are ed, thirty times ff, 7f.
  const isBelowP =
    (y[0] as number) < 0xed || y[last] !== 0x7f || y.subarray(1, last).some((byte) => byte !== 0xff)
  return isBelowP && !SMALL_ORDER_Y.has(y.toString('hex'))
}

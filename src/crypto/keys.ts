import { createPrivateKey, type JsonWebKey, randomBytes, sign } from 'node:crypto'
import { p256 } from '@noble/curves/nist.js'
import { InputFileError } from '../core/errors.js'
import { P256_KEY_BYTES, SEED_BYTES } from '../core/key-lengths.js'
import type { Signer } from './ed25519.js'
import { n3Account } from './n3.js'
import { nodeEd25519 } from './node-ed25519.js'
import { p256PublicKey } from './p256.js'
import { ed25519Jwk, p256Jwk, readPrivateKey } from './private-key.js'

/** A long-term private key: an Ed25519 seed, or a P-256 scalar in big-endian order. 32 bytes either way. */
export type PrivateKey =
  | { readonly type: 'ed25519'; readonly seed: Uint8Array }
  | { readonly type: 'p256'; readonly secret: Uint8Array }

/**
 * Makes a new key from the system's random source.
 *
 * @example
 * ```ts
 * import { generateKey, ownerIdOf } from 'sessiond/client'
 *
 * console.log(ownerIdOf(generateKey('ed25519')))
 * ```
 */
export function generateKey(type: PrivateKey['type']): PrivateKey {
  return type === 'ed25519'
    ? { type, seed: Uint8Array.from(randomBytes(SEED_BYTES)) }
    : { type, secret: p256.utils.randomSecretKey() }
}

/**
 * Writes a key as PKCS#8 in PEM (RFC 5958, RFC 8410 section 7), as `openssl genpkey` does.
 *
 * @example
 * ```ts
 * import { writeFile } from 'node:fs/promises'
 * import { generateKey, privateKeyToPem } from 'sessiond/client'
 *
 * await writeFile('owner.key', privateKeyToPem(generateKey('p256')), { mode: 0o600, flag: 'wx' })
 * ```
 */
export function privateKeyToPem(key: PrivateKey): string {
  const jwk = key.type === 'ed25519' ? ed25519Jwk(key.seed) : p256Jwk(key.secret)
  return createPrivateKey({ key: jwk, format: 'jwk' })
    .export({ type: 'pkcs8', format: 'pem' })
    .toString()
}

/**
 * Reads an unencrypted Ed25519 or P-256 key: PKCS#8, SEC 1 ("EC PRIVATE KEY") or OpenSSH's format in PEM, or a JSON
 * Web Key. `file` is the name that the error message gives to the text.
 *
 * @throws {SessiondError} With code `INVALID_INPUT_FILE`: the text is not such a key.
 *
 * @example
 * ```ts
 * import { readFile } from 'node:fs/promises'
 * import { privateKeyFromPem } from 'sessiond/client'
 *
 * const ownerKey = privateKeyFromPem(await readFile('owner.key', 'utf8'), 'owner.key')
 * console.log(ownerKey.type)
 * ```
 */
export function privateKeyFromPem(text: string, file: string): PrivateKey {
  const object = readPrivateKey(text, file, EXPECTED)
  let key: JsonWebKey
  try {
    key = object.export({ format: 'jwk' })
  } catch {
    // As of a secret that is no scalar of its curve.
    throw new InputFileError(file, `holds a private key that cannot be used; ${EXPECTED}`)
  }
  const read = fromJwk(key)
  if (read === undefined) {
    throw new InputFileError(
      file,
      `holds a private key of type ${key.crv ?? key.kty} that cannot be used; ${EXPECTED}`,
    )
  }
  return read
}

const EXPECTED =
  'expected an Ed25519 or P-256 key, as "openssl genpkey -algorithm ed25519" writes it'

/**
 * The owner id that a key speaks for by itself: its Ed25519 public key (32 bytes), or the N3 account of its P-256 key
 * (25 bytes).
 *
 * @example
 * ```ts
 * import { ownerIdOf, privateKeyFromPem } from 'sessiond/client'
 *
 * export function ownerIdAsHex(pem: string): string {
 *   return Buffer.from(ownerIdOf(privateKeyFromPem(pem, 'the owner key'))).toString('hex')
 * }
 * ```
 */
export function ownerIdOf(key: PrivateKey): Uint8Array {
  return ownerIdOfKey(signerOf(key).publicKey)
}

/** The same of a public key, 32 or 33 bytes. */
export function ownerIdOfKey(publicKey: Uint8Array): Uint8Array {
  return publicKey.length === P256_KEY_BYTES ? n3Account(publicKey) : publicKey
}

// Preparing a key costs as much as ten signatures.
const signers = new WeakMap<PrivateKey, Signer>()

/**
 * Signs with a private key; prepared once for each, whose bytes must stay as they are. P-256 signatures have 64 bytes
 * (R ‖ S, with SHA-256).
 *
 * @example
 * ```ts
 * import { generateKey, signerOf } from 'sessiond/client'
 *
 * const { publicKey, sign } = signerOf(generateKey('ed25519'))
 * console.log(publicKey.length, sign(new Uint8Array(0)).length) // 32 64
 * ```
 */
export function signerOf(key: PrivateKey): Signer {
  let signer = signers.get(key)
  if (signer === undefined) {
    signer = key.type === 'ed25519' ? nodeEd25519.signer(key.seed) : opensslSigner(key.secret)
    signers.set(key, signer)
  }
  return signer
}

/**
 * Signs as `p256Signer` does, thirty times as fast, but with random nonces: OpenSSL has no others before 3.2. Nothing asks
 * for the same signature twice: an idempotency key stands for the body.
 */
function opensslSigner(secret: Uint8Array): Signer {
  const key = createPrivateKey({ key: p256Jwk(secret), format: 'jwk' })
  return {
    publicKey: p256PublicKey(secret),
    sign: (message) => sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' }),
  }
}

/** Undefined where it is of another type, or no scalar of P-256. */
function fromJwk({ crv, d = '' }: JsonWebKey): PrivateKey | undefined {
  const secret = Uint8Array.from(Buffer.from(d, 'base64url'))
  if (crv === 'Ed25519') {
    return { type: 'ed25519', seed: secret }
  }
  return crv === 'P-256' && p256.utils.isValidSecretKey(secret)
    ? { type: 'p256', secret }
    : undefined
}

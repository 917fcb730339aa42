import { createPrivateKey, type JsonWebKey, randomBytes } from 'node:crypto'
import { ed25519 } from '@noble/curves/ed25519.js'
import { p256 } from '@noble/curves/nist.js'
import { base58, hex } from '@scure/base'
import { InputFileError } from '../core/errors.js'
import { n3Account } from './n3.js'
import { p256PublicKey } from './p256.js'
import { ed25519Jwk, p256Jwk, readPrivateKey } from './private-key.js'
import { naclEd25519 } from './tweetnacl.js'

/** A long-term private key: an Ed25519 seed or a P-256 scalar, big-endian; 32 bytes either way. */
export type PrivateKey =
  | { readonly type: 'ed25519'; readonly seed: Uint8Array }
  | { readonly type: 'p256'; readonly secret: Uint8Array }

/** A new key from the system's random source. */
export function generateKey(type: PrivateKey['type']): PrivateKey {
  return type === 'ed25519'
    ? { type, seed: Uint8Array.from(randomBytes(32)) }
    : { type, secret: p256.utils.randomSecretKey() }
}

/** PKCS#8 in PEM (RFC 5958, RFC 8410 section 7), as `openssl genpkey` writes it. */
export function privateKeyToPem(key: PrivateKey): string {
  const jwk = key.type === 'ed25519' ? ed25519Jwk(key.seed) : p256Jwk(key.secret)
  return createPrivateKey({ key: jwk, format: 'jwk' })
    .export({ type: 'pkcs8', format: 'pem' })
    .toString()
}

/**
 * Reads an Ed25519 or P-256 key that is not encrypted: PKCS#8, SEC 1 ("EC PRIVATE KEY") or OpenSSH's format in PEM, or
 * a JSON Web Key. Throws InputFileError that names `file`.
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

/** The owner id that this key may speak for: its Ed25519 public key (32 bytes) or N3 account (25). */
export function ownerIdOf(key: PrivateKey): Uint8Array {
  return key.type === 'ed25519'
    ? naclEd25519.publicKey(key.seed)
    : n3Account(p256PublicKey(key.secret))
}

/**
 * A public key as people write it: hex, `hex:…` or `base58:…` of an Ed25519 key (32 bytes) or a
 * compressed P-256 point (33). Throws InputFileError that names `where`, and does not quote the text:
 * it may be a private key, pasted by mistake.
 */
export function publicKeyFromText(text: string, where: string): Uint8Array {
  // Decoding base58 takes time by the square of its length.
  if (text.length > MAX_PUBLIC_KEY_CHARS) {
    throw new InputFileError(where, NOT_A_PUBLIC_KEY)
  }
  let key: Uint8Array
  try {
    key = text.startsWith('base58:')
      ? base58.decode(text.slice('base58:'.length))
      : hex.decode(text.startsWith('hex:') ? text.slice('hex:'.length) : text)
  } catch {
    throw new InputFileError(where, NOT_A_PUBLIC_KEY)
  }
  if (!ed25519.utils.isValidPublicKey(key, false) && !p256.utils.isValidPublicKey(key, true)) {
    throw new InputFileError(where, NOT_A_PUBLIC_KEY)
  }
  return key
}

/** The longest of them, `hex:…` of 33 bytes, has 70. */
const MAX_PUBLIC_KEY_CHARS = 100

const NOT_A_PUBLIC_KEY =
  'is not a public key; expected hex or base58:… of an Ed25519 key (32 bytes) or a compressed P-256 point (33 bytes)'

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

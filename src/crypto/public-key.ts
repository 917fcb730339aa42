import { createPublicKey } from 'node:crypto'
import { ed25519 } from '@noble/curves/ed25519.js'
import { p256 } from '@noble/curves/nist.js'
import { base58, hex } from '@scure/base'
import { prefixedBytes } from '../core/bytes.js'
import { InputFileError } from '../core/errors.js'
import { ED25519_KEY_BYTES, P256_KEY_BYTES } from '../core/key-lengths.js'
import { pemBlocks, pemText } from './formats/pem.js'

const LABEL = 'PUBLIC KEY'
/** The longest bare key, `hex:…` of 33 bytes, has 70. Decoding base58 takes time by the square of the length. */
const MAX_BARE_CHARS = 100
/** PEM may have other text around it. */
const MAX_PEM_CHARS = 2_000
/** What stands before a key in its SubjectPublicKeyInfo (RFC 8410 section 10.1, RFC 5480 section 2). */
const ED25519_HEAD = hex.decode('302a300506032b6570032100')
const P256_HEAD = hex.decode('3059301306072a8648ce3d020106082a8648ce3d030107034200')
const NOT_A_PUBLIC_KEY =
  'is not a public key; expected hex, base58:… or PEM of an Ed25519 key (32 bytes) or a P-256 point (33 bytes, compressed)'

/**
 * Reads a public key from hex, `hex:…`, `base58:…`, or PEM ("PUBLIC KEY", as `openssl pkey -pubout` writes it): an Ed25519
 * key (32 bytes) or a compressed P-256 point (33 bytes). `where` is the name that the error message gives to the text. It
 * never quotes the text, which may be a private key that was pasted by mistake.
 *
 * @throws {SessiondError} With code `INVALID_INPUT_FILE`: the text is not such a key.
 *
 * @example
 * ```ts
 * import { publicKeyFromText } from 'sessiond/client'
 *
 * const serverKey = publicKeyFromText(process.env.SERVER_KEY ?? '', 'SERVER_KEY')
 * console.log(serverKey.length)
 * ```
 */
export function publicKeyFromText(text: string, where: string): Uint8Array {
  let key: Uint8Array | null = null
  try {
    key = text.includes('-----BEGIN') ? keyOfPem(text) : keyOfBare(text)
  } catch {
    // Of another alphabet, or no key: as below.
  }
  if (
    key === null ||
    !(ed25519.utils.isValidPublicKey(key, false) || p256.utils.isValidPublicKey(key, true))
  ) {
    throw new InputFileError(where, NOT_A_PUBLIC_KEY)
  }
  return key
}

function keyOfBare(text: string): Uint8Array | null {
  if (text.length > MAX_BARE_CHARS) {
    return null
  }
  return prefixedBytes(text) ?? hex.decode(text)
}

function keyOfPem(text: string): Uint8Array | null {
  const block = text.length > MAX_PEM_CHARS ? undefined : pemBlocks(text).find(isPublicKey)
  if (!block?.der) {
    return null
  }
  const der = Buffer.from(block.der)
  const {
    crv,
    x = '',
    y = '',
  } = createPublicKey({ key: der, format: 'der', type: 'spki' }).export({
    format: 'jwk',
  })
  const [left, right] = [Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]
  // The sign of a compressed point is the last bit of y (SEC 1 section 2.3.3).
  const sign = 2 + ((right.at(-1) ?? 0) & 1)
  return crv === 'Ed25519'
    ? Uint8Array.from(left)
    : crv === 'P-256'
      ? Uint8Array.of(sign, ...left)
      : null
}

const isPublicKey = ({ label }: { readonly label: string }) => label === LABEL

/**
 * A public key as text: hex, as `sessiond identity` prints it, `base58:…`, or PEM for OpenSSL. `publicKeyFromText` reads each.
 *
 * @throws {RangeError} The key has neither 32 bytes nor 33.
 * @throws {Error} As PEM: 33 bytes that are no point of P-256.
 *
 * @example
 * ```ts
 * import { type CreatedSession, publicKeyToText } from 'sessiond/client'
 *
 * export const pemOf = (session: CreatedSession) => publicKeyToText(session.publicKey, 'pem')
 * ```
 */
export function publicKeyToText(key: Uint8Array, form: 'hex' | 'base58' | 'pem' = 'hex'): string {
  const isEd25519 = key.length === ED25519_KEY_BYTES
  if (!isEd25519 && key.length !== P256_KEY_BYTES) {
    const wanted = `${ED25519_KEY_BYTES} or ${P256_KEY_BYTES}`
    throw new RangeError(`a public key has ${wanted} bytes, not ${key.length}`)
  }
  switch (form) {
    case 'hex':
      return hex.encode(key)
    case 'base58':
      return `base58:${base58.encode(key)}`
    case 'pem': {
      // WebCrypto takes no compressed point.
      const spki = isEd25519
        ? [...ED25519_HEAD, ...key]
        : [...P256_HEAD, ...p256.Point.fromBytes(key).toBytes(false)]
      return pemText(LABEL, Uint8Array.from(spki))
    }
  }
}

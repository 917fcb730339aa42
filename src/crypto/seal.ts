import sodium from 'sodium-native'
import { SealError } from '../core/errors.js'
import { SEED_BYTES } from '../core/key-lengths.js'
import { sodiumRandomBytes } from './sodium.js'

const FORMAT_VERSION = 1
/** Random nonces of this length do not collide, however many one key uses. */
export const NONCE_BYTES = 24
const TAG_BYTES = 16
const LENGTH_BYTES = 4
const LIFETIME_BYTES = 24

/** The session that a sealed seed belongs to. The seal opens for no other. */
export interface SealBinding {
  readonly owner: Uint8Array
  /** Epochs. */
  readonly lifetime: { readonly exp: bigint; readonly nbf: bigint; readonly iat: bigint }
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array
}

/** The keys that seal session seeds. One seals; all of them open. */
export interface SealingKeys {
  /** The id of the key that seals. */
  readonly current: string
  /** 32 bytes each, by id (1 to 64 letters, digits, `_` or `-`). */
  readonly keys: ReadonlyMap<string, Uint8Array>
}

/**
 * Encrypts a session's seed (32 bytes) with XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha section 2)
 * under the current key. The result is: format version (1 byte), length of the key id (1) and the
 * id, nonce (24), ciphertext and tag (48). Version, key id, session id and binding are its
 * associated data. `nonce`: from a cryptographic source, for this seal alone.
 */
export function sealSeed(
  keys: SealingKeys,
  seed: Uint8Array,
  sessionId: string,
  binding: SealBinding,
  nonce: Uint8Array = sodiumRandomBytes(NONCE_BYTES),
): Uint8Array {
  const { current } = keys
  const nonceStart = 2 + current.length
  const ciphertextStart = nonceStart + NONCE_BYTES
  const sealed = Buffer.allocUnsafe(ciphertextStart + SEED_BYTES + TAG_BYTES)
  sealed[0] = FORMAT_VERSION
  sealed[1] = current.length
  sealed.write(current, 2)
  sealed.set(nonce, nonceStart)
  sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(
    sealed.subarray(ciphertextStart),
    seed,
    associatedData(sealed.subarray(0, nonceStart), sessionId, binding),
    null,
    nonce,
    sealingKey(keys, current),
  )
  return sealed
}

/** The seed (32 bytes) that `sealSeed` sealed for this session. Throws SealError. */
export function openSeal(
  keys: SealingKeys,
  sealed: Uint8Array,
  sessionId: string,
  binding: SealBinding,
): Uint8Array {
  const keyId = sealKeyId(sealed)
  const nonceStart = 2 + (sealed[1] ?? 0)
  const ciphertextStart = nonceStart + NONCE_BYTES
  if (sealed.length !== ciphertextStart + SEED_BYTES + TAG_BYTES) {
    throw new SealError(`has ${sealed.length} bytes, too few or too many`)
  }
  const head = sealed.subarray(0, nonceStart)
  const key = sealingKey(keys, keyId)
  const seed = new Uint8Array(SEED_BYTES)
  try {
    sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
      seed,
      null,
      sealed.subarray(ciphertextStart),
      associatedData(head, sessionId, binding),
      sealed.subarray(nonceStart, ciphertextStart),
      key,
    )
  } catch (error) {
    throw new SealError(
      `does not open: it was altered, is not of session ${sessionId}, or the sealing key is not the one it names`,
      error,
    )
  }
  return seed
}

/**
 * Opens a seal with the key that it names and seals the seed with the current key. null: the current key made the seal.
 * Throws SealError.
 */
export function resealSeed(
  keys: SealingKeys,
  sealed: Uint8Array,
  sessionId: string,
  binding: SealBinding,
): Uint8Array | null {
  if (sealKeyId(sealed) === keys.current) {
    return null
  }
  const seed = openSeal(keys, sealed, sessionId, binding)
  try {
    return sealSeed(keys, seed, sessionId, binding)
  } finally {
    seed.fill(0)
  }
}

/** The id of the key that made the seal. Throws SealError. */
export function sealKeyId(sealed: Uint8Array): string {
  const [version, length = 0] = sealed
  if (version !== FORMAT_VERSION) {
    throw new SealError(`is of format ${version ?? 'unknown'}, not ${FORMAT_VERSION}`)
  }
  return Buffer.from(sealed.subarray(2, 2 + length)).toString()
}

function sealingKey({ keys }: SealingKeys, id: string): Uint8Array {
  const key = keys.get(id)
  if (key === undefined) {
    throw new SealError(`wants the sealing key ${JSON.stringify(id)}, which is not at hand`)
  }
  return key
}

/** `head`: version and key id. Each part after it is preceded by its length. */
function associatedData(head: Uint8Array, sessionId: string, binding: SealBinding): Uint8Array {
  const { owner, publicKey, lifetime } = binding
  const idLength = Buffer.byteLength(sessionId)
  const parts = idLength + owner.length + LIFETIME_BYTES + publicKey.length
  const bytes = Buffer.allocUnsafe(head.length + 4 * LENGTH_BYTES + parts)
  bytes.set(head)
  let pos = bytes.writeUInt32BE(idLength, head.length)
  pos += bytes.write(sessionId, pos)
  pos = bytes.writeUInt32BE(owner.length, pos)
  bytes.set(owner, pos)
  pos = bytes.writeUInt32BE(LIFETIME_BYTES, pos + owner.length)
  pos = bytes.writeBigUInt64BE(lifetime.exp, pos)
  pos = bytes.writeBigUInt64BE(lifetime.nbf, pos)
  pos = bytes.writeBigUInt64BE(lifetime.iat, pos)
  pos = bytes.writeUInt32BE(publicKey.length, pos)
  bytes.set(publicKey, pos)
  return bytes
}

import { ripemd160 } from '@noble/hashes/legacy.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes } from '@noble/hashes/utils.js'

const ADDRESS_VERSION = 0x35
const CHECKSUM_BYTES = 4
// The script that checks one signature: PUSHDATA1 of 33 bytes, SYSCALL System.Crypto.CheckSig.
const PUSH_KEY = Uint8Array.of(0x0c, 0x21)
const CHECK_SIGNATURE = Uint8Array.of(0x41, 0x56, 0xe7, 0xb3, 0x27)

/**
 * The N3 account that a P-256 key speaks for. `key` is a compressed point, 33 bytes. The account has 25 bytes: the
 * version (1), the hash of the script that checks a signature by the key (20), and a checksum (4). Wallets show it in
 * base58, as an address.
 *
 * @example
 * ```ts
 * import { n3Account, p256PublicKey } from 'sessiond/envelope'
 *
 * export function ownerOf(secret: Uint8Array): Uint8Array {
 *   return n3Account(p256PublicKey(secret))
 * }
 * ```
 */
export function n3Account(key: Uint8Array): Uint8Array {
  const scriptHash = ripemd160(sha256(concatBytes(PUSH_KEY, key, CHECK_SIGNATURE)))
  const versioned = concatBytes(Uint8Array.of(ADDRESS_VERSION), scriptHash)
  return concatBytes(versioned, checksum(versioned))
}

/** Which part shows that 25 bytes are no N3 account; null if they are one. */
export function n3AccountFault(account: Uint8Array): 'prefix' | 'checksum' | null {
  if (account[0] !== ADDRESS_VERSION) {
    return 'prefix'
  }
  const expected = checksum(account.subarray(0, -CHECKSUM_BYTES))
  return expected.every((byte, i) => byte === account.at(i - CHECKSUM_BYTES)) ? null : 'checksum'
}

function checksum(versioned: Uint8Array): Uint8Array {
  return sha256(sha256(versioned)).subarray(0, CHECKSUM_BYTES)
}

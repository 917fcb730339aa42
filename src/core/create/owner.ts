import { hex } from '@scure/base'
import { sameBytes } from '../bytes.js'
import { OwnerKeyError, type OwnerPart } from '../errors.js'
import { ED25519_KEY_BYTES, N3_ACCOUNT_BYTES, P256_KEY_BYTES } from '../key-lengths.js'
import { ownerText } from '../owner-text.js'

/** Decides whose key may open sessions for an owner. */
export interface OwnerPolicy {
  /** Why `signer`, a public key, may not speak for `owner`. null if it may. */
  refusal(owner: Uint8Array, signer: Uint8Array): OwnerKeyError | null
}

export interface N3Accounts {
  /** The account, 25 bytes, of a compressed P-256 key, 33 bytes. */
  of(key: Uint8Array): Uint8Array
  /** What is wrong with an account of 25 bytes. null if nothing is. */
  fault(account: Uint8Array): 'prefix' | 'checksum' | null
}

/** The owner id is its key: an Ed25519 public key (32 bytes) or an N3 account (25 bytes). */
export function selfCertifying(n3: N3Accounts): OwnerPolicy {
  const refuse = (part: OwnerPart, expected: string) =>
    new OwnerKeyError('self-certifying owners', part, expected)
  return {
    refusal(owner, signer) {
      if (owner.length === ED25519_KEY_BYTES) {
        return sameBytes(owner, signer)
          ? null
          : refuse('key', `the owner id is an Ed25519 key; the signer is ${hex.encode(signer)}`)
      }
      if (owner.length !== N3_ACCOUNT_BYTES) {
        return refuse(
          'length',
          `the owner id must be an Ed25519 key (32 bytes) or an N3 account (25 bytes), not ${owner.length} bytes`,
        )
      }
      const fault = n3.fault(owner)
      if (fault === 'prefix') {
        return refuse(
          fault,
          `an owner id of 25 bytes must be an N3 account, which begins with 0x35, not 0x${hex.encode(owner.subarray(0, 1))}`,
        )
      }
      if (fault === 'checksum') {
        return refuse(
          fault,
          'the owner id would be an N3 account, but its last 4 bytes are not the checksum of the 21 before them',
        )
      }
      if (signer.length !== P256_KEY_BYTES) {
        return refuse('key', 'the owner id is an N3 account, for which a P-256 key must sign')
      }
      const account = n3.of(signer)
      return sameBytes(owner, account)
        ? null
        : refuse('key', `the owner id is an N3 account; the signer's is ${ownerText(account)}`)
    },
  }
}

/** The keys that may speak for each owner. Both in lower-case hex. */
export type OwnerKeys = ReadonlyMap<string, ReadonlySet<string>>

/** The operator lists the keys of each owner. Asks for the `current` list at every check. */
export function listedOwners(current: () => OwnerKeys): OwnerPolicy {
  return {
    refusal(owner, signer) {
      const keys = current().get(hex.encode(owner))
      if (keys === undefined) {
        const problem = `owner ${ownerText(owner)} is not listed`
        return new OwnerKeyError('owners file', 'owner', problem)
      }
      const problem = `key ${hex.encode(signer)} is not among the ${keys.size} listed for ${ownerText(owner)}`
      return keys.has(hex.encode(signer)) ? null : new OwnerKeyError('owners file', 'key', problem)
    },
  }
}

/** Any key may open a session for any owner: for closed networks only. */
export const anySigner: OwnerPolicy = { refusal: () => null }

import { hex } from '@scure/base'
import { describe, expect, it } from 'vitest'
import {
  anySigner,
  listedOwners,
  type N3Accounts,
  type OwnerKeys,
  selfCertifying,
} from '../../../../src/core/create/owner.js'
import { OwnerKeyError } from '../../../../src/core/errors.js'

const bytes = (length: number, fill: number) => new Uint8Array(length).fill(fill)
const ED25519_KEY = bytes(32, 7)
const P256_KEY = bytes(33, 2)
const ACCOUNT = bytes(25, 0x35)

/** Every P-256 key speaks for the same account. */
const n3 = (fault: 'prefix' | 'checksum' | null = null): N3Accounts => ({
  of: () => ACCOUNT,
  fault: () => fault,
})

describe('self-certifying owners', () => {
  it('are spoken for by the Ed25519 key that the owner id is', () => {
    expect(selfCertifying(n3()).refusal(ED25519_KEY, ED25519_KEY)).toBeNull()
  })

  it('are spoken for by a P-256 key whose N3 account the owner id is', () => {
    expect(selfCertifying(n3()).refusal(ACCOUNT, P256_KEY)).toBeNull()
  })

  it.each([
    ['another Ed25519 key', ED25519_KEY, bytes(32, 8), n3(), 'key'],
    ['an owner id of another length', bytes(24, 1), ED25519_KEY, n3(), 'length'],
    ['25 bytes that begin otherwise', bytes(25, 1), P256_KEY, n3('prefix'), 'prefix'],
    ['25 bytes with another checksum', ACCOUNT, P256_KEY, n3('checksum'), 'checksum'],
    ['an Ed25519 key for an account', ACCOUNT, ED25519_KEY, n3(), 'key'],
    ["another key's account", bytes(25, 0x34), P256_KEY, n3(), 'key'],
  ])('refuse %s', (_, owner, signer, accounts, part) => {
    expect(selfCertifying(accounts).refusal(owner, signer)).toEqual(
      expect.objectContaining({
        code: 'OWNER_KEY_MISMATCH',
        field: 'body.owner_id.value',
        metadata: { policy: 'self-certifying owners', part },
      }),
    )
  })
})

describe('listed owners', () => {
  const owner = bytes(5, 1)
  const list = (keys: readonly Uint8Array[]): OwnerKeys =>
    new Map([[hex.encode(owner), new Set(keys.map((key) => hex.encode(key)))]])

  it('are spoken for by any of the keys that are listed for them', () => {
    const policy = listedOwners(() => list([P256_KEY, ED25519_KEY]))
    expect(policy.refusal(owner, ED25519_KEY)).toBeNull()
  })

  it.each([
    ['an owner that is not listed', bytes(5, 2), ED25519_KEY, 'owner', 'is not listed'],
    ['a key that is not', owner, P256_KEY, 'key', 'is not among the 1 listed'],
  ])('refuse %s', (_, asked, signer, part, problem) => {
    expect(listedOwners(() => list([ED25519_KEY])).refusal(asked, signer)).toEqual(
      expect.objectContaining({
        message: expect.stringContaining(problem),
        metadata: { policy: 'owners file', part },
      }),
    )
  })

  it('are looked up anew at every check', () => {
    let current = list([])
    const policy = listedOwners(() => current)
    expect(policy.refusal(owner, ED25519_KEY)).toBeInstanceOf(OwnerKeyError)
    current = list([ED25519_KEY])
    expect(policy.refusal(owner, ED25519_KEY)).toBeNull()
  })
})

it('any signer may speak for any owner, where the operator says so', () => {
  expect(anySigner.refusal(bytes(1, 0), P256_KEY)).toBeNull()
})

import { base58, hex } from '@scure/base'
import { expect, it } from 'vitest'
import { n3Account } from '../../src/crypto/n3.js'
import { p256PublicKey } from '../../src/crypto/p256.js'

// nspcc-dev/neo-go, internal/keytestcases/testcases.go, at 366e79b9b88494211350c829c5bc35e60cbaa0de.
it.each([
  {
    secret: '7d128a6d096f0c14c3a25a2b0c41cf79661bfcb4a8cc95aaaea28bde4d732344',
    key: '02028a99826edc0c97d18e22b6932373d908d323aa7f92656a77ec26e8861699ef',
    address: 'NPTmAHDxo6Pkyic8Nvu3kwyXoYJCvcCB6i',
  },
  {
    secret: '9ab7e154840daca3a2efadaf0df93cd3a5b51768c632f5433f86909d9b994a69',
    key: '031d8e1630ce640966967bc6d95223d21f44304133003140c3b52004dc981349c9',
    address: 'NMBfzaEq2c5zodiNbLPoohVENARMbJim1r',
  },
  {
    secret: '3edee7036b8fd9cef91de47386b191dd76db2888a553e7736bb02808932a915b',
    key: '02232ce8d2e2063dce0451131851d47421bfc4fc1da4db116fca5302c0756462fa',
    address: 'NfVdwyaJbijrWkRagrvs4eSRQUpP7WpukT',
  },
])('the N3 account of $key is $address', ({ secret, key, address }) => {
  expect(hex.encode(p256PublicKey(hex.decode(secret)))).toBe(key)
  const account = n3Account(hex.decode(key))
  expect(account).toHaveLength(25)
  expect(base58.encode(account)).toBe(address)
})

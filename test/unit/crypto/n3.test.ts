import { base58 } from '@scure/base'
import { expect, it } from 'vitest'
import { n3AccountFault } from '../../../src/crypto/n3.js'

/** As a wallet shows it. */
const account = base58.decode('NPTmAHDxo6Pkyic8Nvu3kwyXoYJCvcCB6i')

it('an account that a wallet shows has no fault', () => {
  expect(n3AccountFault(account)).toBeNull()
})

it('bytes that begin otherwise are no account', () => {
  expect(n3AccountFault(account.map((byte, i) => (i === 0 ? byte ^ 1 : byte)))).toBe('prefix')
})

it('a change of any other byte shows in the checksum', () => {
  for (let at = 1; at < account.length; at++) {
    const changed = account.map((byte, i) => (i === at ? byte ^ 1 : byte))
    expect(n3AccountFault(changed)).toBe('checksum')
  }
})

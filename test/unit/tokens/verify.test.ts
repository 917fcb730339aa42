import { p256 } from '@noble/curves/nist.js'
import { bytesToNumberBE, numberToBytesBE } from '@noble/curves/utils.js'
import { describe, expect, it } from 'vitest'
import { verify as inBrowsers } from '../../../src/tokens/verify-browser.js'
import { verify as byNode } from '../../../src/tokens/verify-node.js'
import { alice, carol, carolSha512 } from '../../support/envelope.js'

const message = Buffer.from('a message')
const { ORDER } = p256.Point.Fn

/** The same signature with the other S. */
function otherS(signature: Uint8Array): Buffer {
  const at = signature.length - 32
  const s = bytesToNumberBE(signature.subarray(at))
  return Buffer.concat([signature.subarray(0, at), numberToBytesBE(ORDER - s, 32)])
}

const es256 = carol.sign(message)
const es512 = carolSha512.sign(message)
const eddsa = alice.sign(message)

describe.each([
  ['in Node', byNode],
  ['in browsers', inBrowsers],
])('%s', (_, verify) => {
  it.each([
    ['Ed25519', alice.publicKey, eddsa, true],
    ['P-256 with SHA-256', carol.publicKey, es256, true],
    ['P-256 with SHA-512', carol.publicKey, es512, true],
    ['P-256 with the other S', carol.publicKey, otherS(es256), true],
    ['P-256 with SHA-512 and the other S', carol.publicKey, otherS(es512), true],
    ['another Ed25519 key', new Uint8Array(32).fill(3), eddsa, false],
    ['another form of P-256', carol.publicKey, es512.subarray(1), false],
    [
      'another tag before R',
      carol.publicKey,
      Buffer.concat([Buffer.of(3), es512.subarray(1)]),
      false,
    ],
    ['65 bytes for Ed25519', alice.publicKey, es512, false],
    [
      'a point that is not on the curve',
      Buffer.concat([Buffer.of(2), Buffer.alloc(32, 0xff)]),
      es256,
      false,
    ],
    ['R and S of zero', carol.publicKey, new Uint8Array(64), false],
    ['no signature', carol.publicKey, new Uint8Array(), false],
    ['no key', new Uint8Array(), eddsa, false],
    ['a key of 65 bytes', p256.getPublicKey(new Uint8Array(32).fill(1), false), es256, false],
  ])('%s: %#', (_, key, signature, isValid) => {
    expect(verify(key, signature, message)).toBe(isValid)
    expect(verify(key, signature, Buffer.from('another'))).toBe(false)
  })
})

import { ed25519 } from '@noble/curves/ed25519.js'
import { bytesToNumberLE, numberToBytesLE } from '@noble/curves/utils.js'
import { sha512 } from '@noble/hashes/sha2.js'
import { hex } from '@scure/base'
import fc from 'fast-check'
import nacl from 'tweetnacl'
import { describe, expect, it } from 'vitest'
import type { Ed25519 } from '../../src/crypto/ed25519.js'
import { nodeEd25519 } from '../../src/crypto/node-ed25519.js'
import { sodiumEd25519 } from '../../src/crypto/sodium.js'
import { naclEd25519 } from '../../src/crypto/tweetnacl.js'
import {
  RFC8032_VECTORS,
  SMALL_ORDER_POINTS,
  SMALL_ORDER_POINTS_NOT_CANONICAL,
  SPECCHECK_CASES,
} from '../support/ed25519-vectors.js'

const all: [string, Ed25519][] = [
  ['sodium', sodiumEd25519],
  ['tweetnacl', naclEd25519],
  ['node:crypto', nodeEd25519],
]

describe.each(all)('%s', (_name, { publicKey, signer, verify }) => {
  it.each(RFC8032_VECTORS)('gives RFC 8032 section 7.1, $name', (vector) => {
    const seed = hex.decode(vector.seed)
    const message = hex.decode(vector.message)
    expect(hex.encode(publicKey(seed))).toBe(vector.publicKey)
    expect(hex.encode(signer(seed).publicKey)).toBe(vector.publicKey)
    expect(hex.encode(signer(seed).sign(message))).toBe(vector.signature)
    expect(verify(hex.decode(vector.publicKey), message, hex.decode(vector.signature))).toBe(true)
  })
})

describe.each(all)('%s is strict', (_name, { verify, signer }) => {
  const message = new TextEncoder().encode('a message')
  const seed = new Uint8Array(32).fill(7)
  const { publicKey, sign } = signer(seed)
  const signature = sign(message)
  const R = signature.subarray(0, 32)
  const S = bytesToNumberLE(signature.subarray(32))
  const withS = (value: bigint) => Buffer.concat([R, numberToBytesLE(value, 32)])
  const L = ed25519.Point.Fn.ORDER

  it.each(SPECCHECK_CASES)('about case $name', (given) => {
    const of = (part: 'publicKey' | 'message' | 'signature') => hex.decode(given[part])
    expect(verify(of('publicKey'), of('message'), of('signature'))).toBe(given.valid)
  })

  const smallOrder = [...SMALL_ORDER_POINTS, ...SMALL_ORDER_POINTS_NOT_CANONICAL]

  it.each(smallOrder)('about the key %s, which makes R = -kA guessable', (key) => {
    for (const r of smallOrder) {
      const forged = Buffer.concat([hex.decode(r), new Uint8Array(32)])
      for (const text of [new Uint8Array(), message]) {
        expect(verify(hex.decode(key), text, forged)).toBe(false)
      }
    }
  })

  it.each(smallOrder)('about R = %s under an honest key', (r) => {
    const { scalar } = ed25519.utils.getExtendedPublicKey(seed)
    const k = bytesToNumberLE(sha512(Buffer.concat([hex.decode(r), publicKey, message])))
    const s = numberToBytesLE((k * scalar) % L, 32)
    expect(verify(publicKey, message, Buffer.concat([hex.decode(r), s]))).toBe(false)
  })

  it('about S + L, and S + nL as long as it fits', () => {
    expect(verify(publicKey, message, withS(S))).toBe(true)
    for (let s = S + L; s < 1n << 256n; s += L) {
      expect(verify(publicKey, message, withS(s))).toBe(false)
    }
    expect(verify(publicKey, message, withS(L))).toBe(false)
    expect(verify(publicKey, message, withS(0n))).toBe(false)
  })

  it('about lengths, without throwing', () => {
    for (const length of [0, 1, 31, 33, 64]) {
      expect(verify(new Uint8Array(length), message, signature)).toBe(false)
    }
    for (const length of [0, 32, 63, 65, 128]) {
      expect(
        verify(publicKey, message, Buffer.concat([signature, signature]).subarray(0, length)),
      ).toBe(false)
    }
  })

  it('about keys that are no point', () => {
    expect(verify(Uint8Array.of(2, ...new Uint8Array(31)), message, signature)).toBe(false)
  })

  it('yet takes a Buffer, and a part of one', () => {
    const received = Buffer.concat([Buffer.of(1), publicKey, message, signature])
    const key = received.subarray(1, 33)
    expect(verify(key, received.subarray(33, -64), received.subarray(-64))).toBe(true)
  })
})

// Node 20's binding does not look into shared memory and answers undefined; Node 24's does look.
it('sodium answers yes or no of a key in shared memory', () => {
  const { publicKey, sign } = sodiumEd25519.signer(new Uint8Array(32))
  const shared = new Uint8Array(new SharedArrayBuffer(32))
  shared.set(publicKey)
  const verified = sodiumEd25519.verify(shared, new Uint8Array(1), sign(new Uint8Array(1)))
  expect(typeof verified).toBe('boolean')
})

it('tweetnacl on its own takes what is refused here', () => {
  const { publicKey, secretKey } = nacl.sign.keyPair.fromSeed(new Uint8Array(32))
  const message = new Uint8Array(1)
  const signature = nacl.sign.detached(message, secretKey)
  const S = bytesToNumberLE(signature.subarray(32))
  signature.set(numberToBytesLE(S + ed25519.Point.Fn.ORDER, 32), 32)
  expect(nacl.sign.detached.verify(message, signature, publicKey)).toBe(true)

  const neutral = Uint8Array.of(1, ...new Uint8Array(31))
  const forged = Uint8Array.of(...neutral, ...new Uint8Array(32))
  expect(nacl.sign.detached.verify(message, forged, neutral)).toBe(true)
})

it('all three agree on what they sign, and on a bit flipped anywhere', () => {
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
  fc.assert(
    fc.property(
      bytes(32),
      fc.uint8Array({ minLength: 1, maxLength: 300 }),
      fc.constantFrom('publicKey', 'message', 'signature'),
      fc.nat(),
      (seed, message, part, at) => {
        const { publicKey, sign } = sodiumEd25519.signer(seed)
        const signature = Uint8Array.from(sign(message))
        const altered = { publicKey, message, signature }
        const bit = at % (altered[part].length * 8)
        altered[part] = altered[part].map((byte, i) =>
          i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte,
        )
        for (const [, other] of all) {
          expect(Uint8Array.from(other.publicKey(seed))).toEqual(publicKey)
          expect(Uint8Array.from(other.signer(seed).sign(message))).toEqual(signature)
          expect(other.verify(publicKey, message, signature)).toBe(true)
          expect(other.verify(altered.publicKey, altered.message, altered.signature)).toBe(false)
        }
      },
    ),
    { numRuns: 10 },
  )
})

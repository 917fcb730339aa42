import { p256 } from '@noble/curves/nist.js'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { p256Signer } from '../../../src/crypto/p256.js'
import { cachedVerify, schemeVerifier, type Verify } from '../../../src/crypto/schemes.js'
import { sodiumEd25519 } from '../../../src/crypto/sodium.js'

const message = new TextEncoder().encode('a message')
const ed25519 = sodiumEd25519.signer(new Uint8Array(32).fill(1))
const secret = p256.utils.randomSecretKey()
const sha256 = p256Signer(secret, 'sha256')
const sha512 = p256Signer(secret, 'sha512')

describe('schemes are told apart by length', () => {
  const verify = schemeVerifier(sodiumEd25519)

  it.each([
    ['Ed25519, 32 and 64 bytes', ed25519, 32, 64],
    ['P-256 with SHA-256, 33 and 64 bytes', sha256, 33, 64],
    ['P-256 with SHA-512, 33 and 65 bytes', sha512, 33, 65],
  ])('%s', (_name, { publicKey, sign }, keyBytes, signBytes) => {
    const signature = sign(message)
    expect([publicKey.length, signature.length]).toEqual([keyBytes, signBytes])
    expect(verify(publicKey, signature, message)).toBe(true)
    expect(verify(publicKey, signature, message.subarray(1))).toBe(false)
  })

  it('whatever else is false', () => {
    const bytes = fc.uint8Array({ maxLength: 70 })
    fc.assert(
      fc.property(bytes, bytes, bytes, (key, sign, message) => {
        expect(verify(key, sign, message)).toBe(false)
      }),
    )
    expect(verify(ed25519.publicKey, sha512.sign(message), message)).toBe(false)
    expect(verify(sha256.publicKey, ed25519.sign(message), message)).toBe(false)
  })
})

describe('cachedVerify', () => {
  const bytes = (...values: number[]) => Uint8Array.from(values)

  it('asks once about what verified, and each time about what did not', () => {
    const verify = vi.fn<Verify>((key) => key[0] === 1)
    const cached = cachedVerify(verify, 10)
    for (let i = 0; i < 3; i++) {
      expect(cached(bytes(1), bytes(2), bytes(3))).toBe(true)
    }
    expect(verify).toHaveBeenCalledTimes(1)
    for (let i = 0; i < 3; i++) {
      expect(cached(bytes(0), bytes(2), bytes(3))).toBe(false)
    }
    expect(verify).toHaveBeenCalledTimes(4)
  })

  it('compares content, not the memory that holds it', () => {
    const verify = vi.fn<Verify>(() => true)
    const cached = cachedVerify(verify, 10)
    const reused = bytes(1, 2, 3)
    cached(reused, bytes(4), bytes(5))
    cached(Buffer.from(reused), Buffer.of(4), bytes(9, 5).subarray(1))
    expect(verify).toHaveBeenCalledTimes(1)
    reused[0] = 7
    cached(reused, bytes(4), bytes(5))
    expect(verify).toHaveBeenCalledTimes(2)
  })

  it('never takes one split of the same bytes for another', () => {
    const all = bytes(1, 2, 3, 4, 5, 6)
    const cut = (a: number, b: number) =>
      [all.subarray(0, a), all.subarray(a, b), all.subarray(b)] as const
    fc.assert(
      fc.property(fc.nat(6), fc.nat(6), fc.nat(6), fc.nat(6), (a, b, c, d) => {
        const genuine = cut(Math.min(a, b), Math.max(a, b))
        const other = cut(Math.min(c, d), Math.max(c, d))
        const cached = cachedVerify(
          (key, sign) => key.length === genuine[0].length && sign.length === genuine[1].length,
          10,
        )
        expect(cached(...genuine)).toBe(true)
        expect(cached(...other)).toBe(
          other[0].length === genuine[0].length && other[1].length === genuine[1].length,
        )
      }),
    )
  })

  it('answers as the verifier would, whatever came before', () => {
    const verify = schemeVerifier(sodiumEd25519)
    const cached = cachedVerify(verify, 2)
    const signers = [ed25519, sha256, sha512]
    const messages = [bytes(), bytes(1), message]
    fc.assert(
      fc.property(
        fc.constantFrom(...signers),
        fc.constantFrom(...signers),
        fc.constantFrom(...messages),
        fc.constantFrom(...messages),
        (keyOf, signer, signed, shown) => {
          const asked = [keyOf.publicKey, signer.sign(signed), shown] as const
          expect(cached(...asked)).toBe(verify(...asked))
        },
      ),
    )
  })

  it('keeps no more than it may', () => {
    const verify = vi.fn<Verify>(() => true)
    const cached = cachedVerify(verify, 2)
    for (const key of [1, 2, 3, 1]) {
      cached(bytes(key), bytes(), bytes())
    }
    expect(verify).toHaveBeenCalledTimes(4)
  })

  it('takes no more memory where entries are long', () => {
    const verify = vi.fn<Verify>(() => true)
    const cached = cachedVerify(verify, 10)
    const ask = (key: number) => cached(bytes(key), bytes(), new Uint8Array(1000))
    for (let key = 0; key < 10; key++) {
      ask(key)
    }
    expect(verify).toHaveBeenCalledTimes(10)
    ask(9)
    expect(verify).toHaveBeenCalledTimes(10)
    ask(0)
    expect(verify).toHaveBeenCalledTimes(11)
  })

  it('keeps nothing long, which any signer could fill the memory with', () => {
    const verify = vi.fn<Verify>(() => true)
    const cached = cachedVerify(verify, 2)
    for (const length of [1022, 1022, 1023, 1023]) {
      expect(cached(bytes(1), bytes(2), new Uint8Array(length))).toBe(true)
    }
    expect(verify).toHaveBeenCalledTimes(3)
  })
})

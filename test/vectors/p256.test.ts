import { p256 } from '@noble/curves/nist.js'
import { bytesToNumberBE, numberToBytesBE } from '@noble/curves/utils.js'
import { hex } from '@scure/base'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type P256Form, p256PublicKey, p256Signer, verifyP256 } from '../../src/crypto/p256.js'

// RFC 6979 appendix A.2.5. The point's y is odd, which its compressed form says by the leading 03.
const secret = hex.decode('c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721')
const key = hex.decode('0360fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6')
const n = p256.Point.Fn.ORDER
const p = p256.Point.Fp.ORDER
const utf8 = (text: string) => new TextEncoder().encode(text)
const forms = ['sha256', 'sha512'] as const

describe('P-256 gives RFC 6979 appendix A.2.5', () => {
  it('public key', () => {
    expect(p256PublicKey(secret)).toEqual(key)
    expect(p256Signer(secret).publicKey).toEqual(key)
  })

  it.each<[P256Form, string, string, string]>([
    [
      'sha256',
      'sample',
      'efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716',
      'f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8',
    ],
    [
      'sha256',
      'test',
      'f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367',
      '019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083',
    ],
    [
      'sha512',
      'sample',
      '8496a60b5e9b47c825488827e0495b0e3fa109ec4568fd3f8d1097678eb97f00',
      '2362ab1adbe2b8adf9cb9edab740ea6049c028114f2460f96554f61fae3302fe',
    ],
    [
      'sha512',
      'test',
      '461d93f31b6540894788fd206c07cfa0cc35f46fa3c91816fff1040ad1581a04',
      '39af9f15de0db8d97e72719c74820d304ce5226e32dedae67519e840d1194e55',
    ],
  ])('%s of "%s"', (form, text, r, s) => {
    const signature = (form === 'sha512' ? '04' : '') + r + s
    expect(hex.encode(p256Signer(secret, form).sign(utf8(text)))).toBe(signature)
    expect(verifyP256(key, utf8(text), hex.decode(signature))).toBe(true)
  })
})

describe.each(forms)('P-256 in the form %s', (form) => {
  const message = utf8('a message')
  const signature = p256Signer(secret, form).sign(message)
  const tag = form === 'sha512' ? Uint8Array.of(4) : new Uint8Array()
  const r = bytesToNumberBE(signature.subarray(tag.length, tag.length + 32))
  const s = bytesToNumberBE(signature.subarray(tag.length + 32))
  const encode = (r: bigint, s: bigint) =>
    Buffer.concat([tag, numberToBytesBE(r, 32), numberToBytesBE(s, 32)])
  const max = (1n << 256n) - 1n

  it('leaves S as it comes, above n / 2 as often as not', () => {
    const high = Array.from({ length: 16 }, (_, i) =>
      bytesToNumberBE(p256Signer(secret, form).sign(Uint8Array.of(i)).subarray(-32)),
    ).filter((s) => s > n / 2n)
    expect(high.length).toBeGreaterThan(0)
  })

  it('takes S and n - S alike', () => {
    expect(verifyP256(key, message, encode(r, s))).toBe(true)
    expect(verifyP256(key, message, encode(r, n - s))).toBe(true)
  })

  it.each<[string, bigint, bigint]>([
    ['R = 0', 0n, s],
    ['S = 0', r, 0n],
    ['both 0', 0n, 0n],
    ['R = n', n, s],
    ['S = n', r, n],
    ['R and S = n', n, n],
    ['R over n', n + 1n, s],
    ['S over n', r, n + 1n],
    ['R = p', p, s],
    ['R and S all ones', max, max],
    ['R = S = 1', 1n, 1n],
    ['R and S swapped', s, r],
    ['R negated', n - r, s],
  ])('refuses %s', (_name, r, s) => {
    expect(verifyP256(key, message, encode(r, s))).toBe(false)
  })

  it('refuses every other length, and DER', () => {
    for (let length = 0; length < signature.length; length++) {
      expect(verifyP256(key, message, signature.subarray(0, length))).toBe(false)
    }
    expect(verifyP256(key, message, Buffer.concat([signature, Buffer.of(0)]))).toBe(false)
    expect(
      verifyP256(
        key,
        message,
        p256.Signature.fromBytes(encode(r, s).subarray(tag.length)).toBytes('der'),
      ),
    ).toBe(false)
  })

  it('refuses any bit flipped, and takes any key', () => {
    fc.assert(
      fc.property(fc.nat(), (at) => {
        const secret = p256.utils.randomSecretKey()
        const key = p256PublicKey(secret)
        const signature = p256Signer(secret, form).sign(message)
        expect(verifyP256(key, message, signature)).toBe(true)
        const bit = at % (signature.length * 8)
        signature[bit >> 3] = (signature[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        expect(verifyP256(key, message, signature)).toBe(false)
      }),
      { numRuns: 20 },
    )
  })

  it.each<[string, Uint8Array]>([
    ['the other y', Uint8Array.of(2, ...key.subarray(1))],
    ['an x that is on no point', Uint8Array.of(2, ...numberToBytesBE(1n, 32))],
    ['x = p', Uint8Array.of(2, ...numberToBytesBE(p, 32))],
    ['x = 2^256 - 1', Uint8Array.of(3, ...numberToBytesBE(max, 32))],
    ['the point at infinity', new Uint8Array(1)],
    ['33 zero bytes', new Uint8Array(33)],
    ['the prefix of an uncompressed point', Uint8Array.of(4, ...key.subarray(1))],
    ['the prefix of a hybrid point', Uint8Array.of(7, ...key.subarray(1))],
    ['an uncompressed point', p256.getPublicKey(secret, false)],
    ['a key cut short', key.subarray(0, 32)],
    ['a key too long', Uint8Array.of(...key, 0)],
    ['no key', new Uint8Array()],
  ])('refuses %s as a key', (_name, key) => {
    expect(verifyP256(key, message, signature)).toBe(false)
  })
})

describe('the two forms of P-256', () => {
  const message = utf8('a message')
  const [plain, tagged] = forms.map((form) => p256Signer(secret, form).sign(message))

  it.each<[string, Uint8Array | undefined]>([
    ['a SHA-512 signature without its tag', tagged?.subarray(1)],
    ['a SHA-256 signature with the tag', plain && Uint8Array.of(4, ...plain)],
    ...[0, 2, 3, 5, 255].map((byte): [string, Uint8Array | undefined] => [
      `a SHA-512 signature with the tag ${byte}`,
      tagged && Uint8Array.of(byte, ...tagged.subarray(1)),
    ]),
  ])('are not taken for each other: %s', (_name, signature) => {
    expect(signature && verifyP256(key, message, signature)).toBe(false)
  })
})

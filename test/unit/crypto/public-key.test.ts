import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { inspect } from 'node:util'
import { base58, hex } from '@scure/base'
import { describe, expect, it } from 'vitest'
import { InputFileError } from '../../../src/core/errors.js'
import { generateKey, privateKeyToPem, signerOf } from '../../../src/crypto/keys.js'
import { n3Account } from '../../../src/crypto/n3.js'
import { publicKeyFromText, publicKeyToText } from '../../../src/crypto/public-key.js'
import { newAuthority } from '../../support/certificates.js'
import { haveTool } from '../../support/tools.js'

function refusal(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    expect(error).toBeInstanceOf(InputFileError)
    return inspect(error, { depth: 9 })
  }
  throw new Error('it was accepted')
}

describe('a public key as text', () => {
  const pairs = (['ed25519', 'p256'] as const).map(generateKey)
  const keys = pairs.map((pair) => Uint8Array.from(signerOf(pair).publicKey))

  it.each(keys.map((key) => [key.length, key] as const))(
    'may have %i bytes, in hex or base58',
    (_length, key) => {
      for (const text of [
        hex.encode(key),
        hex.encode(key).toUpperCase(),
        `hex:${hex.encode(key)}`,
        `base58:${base58.encode(key)}`,
      ]) {
        expect(publicKeyFromText(text, 'f')).toEqual(key)
      }
    },
  )

  const [ed25519 = '', p256 = ''] = keys.map((key) => hex.encode(key))
  it.each([
    ['nothing', ''],
    ['a prefix alone', 'hex:'],
    ['too few digits', ed25519.slice(2)],
    ['an odd number of digits', ed25519.slice(1)],
    ['other characters', `zz${ed25519.slice(2)}`],
    ['bare base58', base58.encode(hex.decode(ed25519))],
    ['another prefix', `base64:${ed25519}`],
    ['hex said to be base58', `base58:${ed25519}`],
    ['an account', `base58:${base58.encode(n3Account(hex.decode(p256)))}`],
    ['an uncompressed prefix', `04${p256.slice(2)}`],
    ['an x that is on no point', `02${'00'.repeat(31)}01`],
    ['a y that is on no point', `02${'00'.repeat(31)}`],
    ['a text too long to be one', `base58:${'1'.repeat(10_000)}`],
  ])('is refused from %s, by the name of where it stood', (_name, text) => {
    const shown = refusal(() => publicKeyFromText(text, 'owners.json: owner "a"'))
    expect(shown).toContain('owners.json: owner "a"')
    expect(shown).toContain('expected hex, base58:… or PEM')
  })

  it('is not quoted when refused: it may be a private key', () => {
    const secret = hex.encode(pairs[0]?.type === 'ed25519' ? pairs[0].seed : Buffer.of())
    for (const text of [`${secret}00`, `${secret}0`, `hex:${secret}zz`, `base58:0${secret}`]) {
      expect(refusal(() => publicKeyFromText(text, 'f'))).not.toContain(secret.slice(0, 16))
    }
  })

  it.each(keys.map((key) => [key.length, key] as const))(
    'is written, with %i bytes, in each form that is read',
    (_length, key) => {
      expect(publicKeyToText(key)).toBe(hex.encode(key))
      for (const form of ['hex', 'base58', 'pem'] as const) {
        expect(publicKeyFromText(publicKeyToText(key, form), 'f')).toEqual(key)
      }
    },
  )

  it.skipIf(!haveTool('openssl', ['openssl', 'version'])).each(pairs)(
    'in PEM is what OpenSSL writes and reads: $type',
    (pair) => {
      const openssl = (args: string, input: string) =>
        execFileSync('openssl', args.split(' '), { input }).toString()
      const pem = openssl('pkey -pubout', privateKeyToPem(pair))
      const { publicKey } = signerOf(pair)
      expect(publicKeyFromText(`\ufeffour key\r\n${pem}`, 'f')).toEqual(Uint8Array.from(publicKey))
      expect(openssl('pkey -pubin -pubout', publicKeyToText(publicKey, 'pem'))).toBe(pem)
    },
  )

  it('in PEM keeps which of two points it is', () => {
    const signs = new Set<number | undefined>()
    while (signs.size < 2) {
      const key = Uint8Array.from(signerOf(generateKey('p256')).publicKey)
      signs.add(key[0])
      expect(publicKeyFromText(publicKeyToText(key, 'pem'), 'f')).toEqual(key)
    }
  })

  const { cert } = newAuthority()
  const X25519 = generateKeyPairSync('x25519')
    .publicKey.export({ type: 'spki', format: 'pem' })
    .toString()
  it.each([
    ['a certificate', cert],
    ['a key cut short', publicKeyToText(keys[0] as Uint8Array, 'pem').slice(0, 80)],
    ['a damaged key', publicKeyToText(keys[1] as Uint8Array, 'pem').replace('MFkw', 'AAAA')],
    ['a key of another curve', X25519],
    ['a private key', privateKeyToPem(pairs[0] as (typeof pairs)[0])],
    [
      'a text too long to be one',
      `${publicKeyToText(keys[0] as Uint8Array, 'pem')}${' '.repeat(2_000)}`,
    ],
  ])('is refused from PEM with %s', (_name, text) => {
    expect(refusal(() => publicKeyFromText(text, 'f'))).toContain('expected hex, base58:… or PEM')
  })

  it('is written of no bytes but those of a key', () => {
    expect(() => publicKeyToText(new Uint8Array(31))).toThrow(RangeError)
    expect(() => publicKeyToText(new Uint8Array(33), 'pem')).toThrow()
  })
})

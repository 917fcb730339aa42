import { inspect } from 'node:util'
import { base64, hex } from '@scure/base'
import { describe, expect, it } from 'vitest'
import { SealError } from '../../../src/core/errors.js'
import {
  openSeal,
  resealSeed,
  type SealBinding,
  type SealingKeys,
  sealSeed,
} from '../../../src/crypto/seal.js'

const fill = (length: number, byte: number) => new Uint8Array(length).fill(byte)
const seed = fill(32, 0x5e)
const key = fill(32, 0x4b)
const keys: SealingKeys = { current: 'k1', keys: new Map([['k1', key]]) }
const id = '6f2c0c1e-9d43-4d0a-8b1f-0f5c7b0e2a11'
const binding: SealBinding = {
  owner: fill(25, 0x35),
  lifetime: { exp: 2n ** 64n - 1n, nbf: 2n ** 53n, iat: 1n },
  publicKey: fill(32, 0x70),
}

/** The SealError that opening ends in; fails where it carries a secret. */
function refusal(sealed: Uint8Array, at = { keys, id, binding }): SealError {
  try {
    openSeal(at.keys, sealed, at.id, at.binding)
  } catch (error) {
    expect(error).toBeInstanceOf(SealError)
    const shown = inspect(error, { depth: 9 })
    for (const secret of [seed, key]) {
      expect(shown).not.toContain(hex.encode(secret))
      expect(shown).not.toContain(base64.encode(secret))
      expect(shown).not.toContain(String(secret))
    }
    return error as SealError
  }
  throw new Error('the seal opened')
}

describe('a seal', () => {
  const sealed = sealSeed(keys, seed, id, binding)

  it('opens to the seed, however its memory is held', () => {
    expect(openSeal(keys, sealed, id, binding)).toEqual(seed)
    const stored = Buffer.concat([Buffer.of(9, 9), sealed]).subarray(2)
    expect(openSeal(keys, stored, id, binding)).toEqual(seed)
  })

  it('hides the seed and never looks the same twice', () => {
    expect(Buffer.from(sealed).includes(Buffer.from(seed.subarray(0, 4)))).toBe(false)
    expect(sealSeed(keys, seed, id, binding)).not.toEqual(sealed)
  })

  it('of format 1 opens for as long as there are seals of format 1', () => {
    const golden = hex.decode(GOLDEN_SEAL)
    expect(openSeal(keys, golden, id, binding)).toEqual(seed)
    expect(golden).toHaveLength(sealed.length)
  })

  it('does not open with any bit changed', () => {
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      refusal(sealed.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte)))
    }
  })

  it('does not open cut short or with more behind it', () => {
    for (let length = 0; length < sealed.length; length++) {
      refusal(sealed.subarray(0, length))
    }
    refusal(Uint8Array.of(...sealed, 0))
  })

  it.each<[string, Partial<{ id: string; binding: SealBinding }>]>([
    ['session id', { id: id.replace('6f', '6e') }],
    ['owner', { binding: { ...binding, owner: fill(25, 0x36) } }],
    ['public key', { binding: { ...binding, publicKey: fill(32, 0x71) } }],
    ['exp', { binding: { ...binding, lifetime: { ...binding.lifetime, exp: 2n ** 64n - 2n } } }],
    ['nbf', { binding: { ...binding, lifetime: { ...binding.lifetime, nbf: 2n ** 53n + 1n } } }],
    ['iat', { binding: { ...binding, lifetime: { ...binding.lifetime, iat: 0n } } }],
    [
      'border between session id and owner',
      { id: `${id}5`, binding: { ...binding, owner: fill(24, 0x35) } },
    ],
    [
      'border between lifetime and public key',
      { binding: { ...binding, publicKey: fill(31, 0x70) } },
    ],
  ])('does not open for another %s', (_name, other) => {
    expect(refusal(sealed, { keys, id, binding, ...other }).message).toContain('does not open')
  })

  it('says which sealing key it wants', () => {
    const others = { current: 'k2', keys: new Map([['k2', key]]) }
    expect(refusal(sealed, { keys: others, id, binding }).message).toContain('"k1"')
    const wrong = { current: 'k1', keys: new Map([['k1', fill(32, 1)]]) }
    expect(refusal(sealed, { keys: wrong, id, binding }).message).toContain('does not open')
  })

  it('says which format it is of', () => {
    expect(refusal(Uint8Array.of(2, ...sealed.subarray(1))).message).toContain('format 2')
    expect(refusal(new Uint8Array()).code).toBe('SEAL_INVALID')
  })

  it('binds the id of its key, even where two ids name the same key', () => {
    const twins = {
      current: 'k1',
      keys: new Map([
        ['k1', key],
        ['k2', key],
      ]),
    }
    const renamed = Uint8Array.from(sealed)
    renamed.set(new TextEncoder().encode('k2'), 2)
    expect(refusal(renamed, { keys: twins, id, binding }).message).toContain('does not open')
  })

  it('still opens after another sealing key took over', () => {
    const rotated = { current: 'k2', keys: new Map([...keys.keys, ['k2', fill(32, 2)]]) }
    expect(openSeal(rotated, sealed, id, binding)).toEqual(seed)
    const resealed = sealSeed(rotated, seed, id, binding)
    expect(openSeal(rotated, resealed, id, binding)).toEqual(seed)
    expect(refusal(resealed).message).toContain('"k2"')
  })

  it('cannot be made under a current key that is not there', () => {
    expect(() => sealSeed({ current: 'k9', keys: keys.keys }, seed, id, binding)).toThrow(SealError)
  })
})

// Put together from the description of format 1 with libsodium alone, not with the code under test.
const GOLDEN_SEAL =
  '01026b31' +
  '000102030405060708090a0b0c0d0e0f1011121314151617' +
  '33a7caaa465b5edc1e8f7fa20b5927c7f1356aa9ed59c635e519c3229c14761f' +
  'e5c2581d9791aa3c8fd573fb2c1d6291'

describe('sealing again', () => {
  const newer: SealingKeys = {
    current: 'k2',
    keys: new Map([...keys.keys, ['k2', fill(32, 0x32)]]),
  }
  const sealed = sealSeed(keys, seed, id, binding)

  it('seals with the current key what an older one sealed', () => {
    const again = resealSeed(newer, sealed, id, binding) as Uint8Array
    const alone = { current: 'k2', keys: new Map([['k2', fill(32, 0x32)]]) }
    expect(openSeal(alone, again, id, binding)).toEqual(seed)
  })

  it('leaves what the current key sealed', () => {
    expect(resealSeed(keys, sealed, id, binding)).toBeNull()
  })

  it.each<[string, Uint8Array]>([
    ['altered', Uint8Array.from(sealed, (byte, i) => (i === 40 ? byte ^ 1 : byte))],
    ['cut off', sealed.subarray(0, 3)],
    ['empty', new Uint8Array()],
    ['of a key that is gone', sealSeed({ ...newer, current: 'k2' }, seed, id, binding)],
  ])('refuses one that is %s', (_, bad) => {
    const at = { current: 'k3', keys: new Map([...keys.keys, ['k3', fill(32, 0x33)]]) }
    expect(() => resealSeed(at, bad, id, binding)).toThrow(SealError)
  })
})

import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { base64, hex } from '@scure/base'
import { describe, expect, it } from 'vitest'
import { InputFileError } from '../../../src/core/errors.js'
import {
  generateSealingKeys,
  sealingKeysFromJson,
  sealingKeysToJson,
  withNewSealingKey,
} from '../../../src/keys/sealing-keys.js'

const fill = (length: number, byte: number) => new Uint8Array(length).fill(byte)
const key = fill(32, 0x4b)

describe('sealing keys', () => {
  it('are new each time and survive their file', () => {
    const one = generateSealingKeys(randomBytes)
    const two = generateSealingKeys(randomBytes)
    expect(one.keys.get(one.current)).toHaveLength(32)
    expect(one).not.toEqual(two)
    expect(sealingKeysFromJson(sealingKeysToJson(one), 'f')).toEqual(one)
    const both = { current: two.current, keys: new Map([...one.keys, ...two.keys]) }
    expect(sealingKeysFromJson(sealingKeysToJson(both), 'f')).toEqual(both)
  })

  it('keep no hold on the random bytes that they were made of', () => {
    const pool = fill(36, 1)
    const made = generateSealingKeys(() => pool)
    pool.fill(9)
    expect(made).toEqual({ current: '01010101', keys: new Map([['01010101', fill(32, 1)]]) })
  })

  const secret = base64.encode(key)
  it.each([
    ['no JSON', `{ "current": "a", "keys": { "a": "${secret}" }`],
    ['a bare secret', secret],
    ['null', 'null'],
    ['a list', `["${secret}"]`],
    ['no current', `{ "keys": { "a": "${secret}" } }`],
    ['no keys', `{ "current": "${secret}" }`],
    ['keys that are null', '{ "current": "a", "keys": null }'],
    ['a current that is not among the keys', `{ "current": "b", "keys": { "a": "${secret}" } }`],
    ['a current of the prototype', `{ "current": "toString", "keys": { "a": "${secret}" } }`],
    ['a key cut short', `{ "current": "a", "keys": { "a": "${secret.slice(0, 40)}" } }`],
    ['a key in hex', `{ "current": "a", "keys": { "a": "${hex.encode(key)}" } }`],
    ['a key that is a number', '{ "current": "a", "keys": { "a": 12 } }'],
    ['an empty id', `{ "current": "", "keys": { "": "${secret}" } }`],
    ['a secret for an id', `{ "current": "a", "keys": { "${secret}": "a" } }`],
  ])('are refused from %s, by the name of the file and without a secret', (_name, text) => {
    let refused: unknown
    try {
      sealingKeysFromJson(text, '/etc/sealing.json')
    } catch (error) {
      refused = error
    }
    expect(refused).toBeInstanceOf(InputFileError)
    const shown = inspect(refused, { depth: 9 })
    expect(shown).toContain('/etc/sealing.json')
    expect(shown).not.toContain(secret.slice(0, 8))
    expect(shown).not.toContain(hex.encode(key).slice(0, 8))
  })
})

it('a new key keeps all that stands in the file, and takes no id that is taken', () => {
  const text = JSON.stringify({
    current: '05050505',
    keys: { '05050505': base64.encode(key) },
    a: 1,
  })
  const bytes = [5, 6]
  const now = withNewSealingKey(text, 'f', (length) => fill(length, bytes.shift() ?? 0))
  expect(JSON.parse(now)).toEqual({
    current: '06060606',
    keys: { '05050505': base64.encode(key), '06060606': base64.encode(fill(32, 6)) },
    a: 1,
  })
})

import { base58 } from '@scure/base'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InputFileError } from '../../../src/core/errors.js'
import {
  ownerFromText,
  ownerName,
  ownerOfText,
  ownerText,
  userIdsNamed,
} from '../../../src/core/owner-text.js'

const bytes = (length: number, fill: number) => new Uint8Array(length).fill(fill)

describe('the text of an owner', () => {
  it('is base58, and read back as it was', () => {
    const owner = Uint8Array.of(0, 1, 255)
    expect(ownerOfText(ownerText(owner))).toEqual(owner)
  })

  it('is its own, whatever owners came before, and whoever changes their bytes later', () => {
    const few = fc.uint8Array({ min: 0, max: 1, maxLength: 4 })
    fc.assert(
      fc.property(fc.array(few, { maxLength: 20 }), (owners) => {
        for (const owner of owners) {
          expect(ownerText(owner)).toBe(base58.encode(owner))
          owner.fill(9)
        }
      }),
    )
  })

  it.each([
    ['is no base58', '0OIl'],
    ['has more than 64 bytes', ownerText(bytes(65, 9))],
  ])('is of no owner where it %s', (_, text) => {
    expect(ownerOfText(text)).toBeNull()
  })
})

describe('an owner as an operator writes it', () => {
  it.each([
    ['hex:00ff', [0, 255]],
    ['base58:1z', [0, 57]],
    ['é', [0xc3, 0xa9]],
  ])('%s is %j', (text, expected) => {
    expect([...ownerFromText(text, 'owners.json')]).toEqual(expected)
  })

  it.each([
    ['', 'it must have 1 to 64'],
    ['x'.repeat(65), 'it must have 1 to 64'],
    ['x'.repeat(133), 'of 133 characters'],
    ['hex:0', '"hex:0" is not hexadecimal behind its prefix'],
    ['base58:0', '"base58:0" is not base58 behind its prefix'],
  ])('%j is refused', (text, problem) => {
    const read = () => ownerFromText(text, 'owners.json')
    expect(read).toThrow(InputFileError)
    expect(read).toThrow(`owners.json: `)
    expect(read).toThrow(problem)
  })
})

const ACCOUNT = Uint8Array.of(0x35, ...bytes(24, 7))
const utf8 = (text: string) => [...new TextEncoder().encode(text)]

describe('a text in base58', () => {
  it.each([
    ['an Ed25519 key', bytes(32, 7)],
    ['an N3 account', ACCOUNT],
  ])('stands for the owner where that is %s', (_, owner) => {
    expect(ownerFromText(ownerText(owner), 'owners.json')).toEqual(owner)
  })

  it.each([
    ['is of another length', ownerText(bytes(31, 7))],
    ['does not begin as an account does', ownerText(bytes(25, 7))],
    ['is a name, too', 'alice'],
  ])('stands for itself where it %s', (_, text) => {
    expect([...ownerFromText(text, 'owners.json')]).toEqual(utf8(text))
  })
})

describe('a name for a user', () => {
  it.each([
    ['alice', ['alice', 'BzWHaQU']],
    ['BzWHaQU', ['BzWHaQU', ownerText(Uint8Array.from(utf8('BzWHaQU')))]],
    ['hex:616c696365', ['hex:616c696365', 'BzWHaQU']],
    ['base58:BzWHaQU', ['base58:BzWHaQU', 'BzWHaQU']],
    [ownerText(ACCOUNT), [ownerText(ACCOUNT)]],
    ['é'.repeat(33), ['é'.repeat(33)]],
  ])('%s stands for %j', (name, ids) => {
    expect(userIdsNamed(name)).toEqual(ids)
  })

  it.each(['', 'hex:0', 'base58:0', `hex:${'00'.repeat(65)}`])('is not %j', (name) => {
    expect(() => userIdsNamed(name, '--user')).toThrow(InputFileError)
    expect(() => userIdsNamed(name, '--user')).toThrow('--user: ')
  })
})

it.each([
  ['alice', utf8('alice')],
  ['Zoë Ł', utf8('Zoë Ł')],
  [null, [0x61, 0x0a]],
  [null, [0xff, 0xfe]],
  [null, []],
])('the name of an owner is its text where people can read it: %j', (name, owner) => {
  expect(ownerName(Uint8Array.from(owner))).toBe(name)
})

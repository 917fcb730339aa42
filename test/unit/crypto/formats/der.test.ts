import { expect, it } from 'vitest'
import { derElement, derSequence } from '../../../../src/crypto/formats/der.js'

const bytes = (length: number) => new Uint8Array(length).fill(9)

it.each([
  ['of a short length', Uint8Array.of(0x30, 2), bytes(2)],
  ['of no contents', Uint8Array.of(0x05, 0), bytes(0)],
  ['of a length in one byte', Uint8Array.of(0x30, 0x81, 200), bytes(200)],
  ['of a length in two bytes', Uint8Array.of(0x30, 0x82, 1, 0), bytes(256)],
  ['of a length in four bytes', Uint8Array.of(0x30, 0x84, 0, 0, 1, 0), bytes(256)],
])('an element %s is found, whatever follows it', (_, head, contents) => {
  const whole = Uint8Array.of(...head, ...contents)
  expect(derElement(Uint8Array.of(...whole, 1, 2, 3))).toEqual({ whole, contents })
})

it.each([
  ['in no bytes', bytes(0)],
  ['in a tag alone', Uint8Array.of(0x30)],
  ['where the length is cut short', Uint8Array.of(0x30, 0x82, 1)],
  ['where the length has more than four bytes', Uint8Array.of(0x30, 0x85, 0, 0, 0, 0, 1, 9)],
  ['where the contents are cut short', Uint8Array.of(0x30, 3, 9, 9)],
])('there is no element %s', (_, der) => {
  expect(derElement(der)).toBeNull()
})

it.each([0, 2, 127, 128, 70_000])('a sequence of %i bytes is an element of them', (length) => {
  const whole = derSequence(bytes(length))
  expect(derElement(whole)).toEqual({ whole, contents: bytes(length) })
})

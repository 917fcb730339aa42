import { expect, it } from 'vitest'
import { fromBase58, toBase58 } from '../../../src/client/base58.js'

it.each([
  ['', ''],
  ['00', '1'],
  ['010203', 'Ldp'],
  ['0000287fb4cd', '11233QC4'],
])('%s is %s in base58', (hex, text) => {
  const bytes = Uint8Array.from(Buffer.from(hex, 'hex'))
  expect(toBase58(bytes)).toBe(text)
  expect(fromBase58(text)).toEqual(bytes)
})

it.each([
  ['0OIl', 'the id: is not base58'],
  ['1'.repeat(1001), 'the id: has 1001 characters; at most 1000 are read'],
])('a text that is none is refused by the name of where it stood: %#', (text, message) => {
  expect(() => fromBase58(text, 'the id')).toThrow(
    expect.objectContaining({ code: 'INVALID_INPUT_FILE', message }),
  )
})

import { expect, it } from 'vitest'
import { pemBlocks, pemText } from '../../../../src/crypto/formats/pem.js'

const block = (label: string, ...lines: string[]) =>
  [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n')

it.each([0, 1, 48, 49, 200])('a block of %i bytes is read as it was written', (length) => {
  const der = new Uint8Array(length).fill(7)
  const text = pemText('PUBLIC KEY', der)
  expect(pemBlocks(text)).toEqual([{ label: 'PUBLIC KEY', hasEncryptedHeader: false, der }])
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(64)
})

it('several blocks are read with text before, between and after them', () => {
  const text = `one\n${block('A', 'AAAA')}two\n${block('B', 'AQ', 'ID')}three`
  expect(pemBlocks(text).map(({ label, der }) => [label, der])).toEqual([
    ['A', Uint8Array.of(0, 0, 0)],
    ['B', Uint8Array.of(1, 2, 3)],
  ])
})

it.each([
  ['is cut short', '-----BEGIN A-----\nAAAA\n'],
  ['ends as another', '-----BEGIN A-----\nAAAA\n-----END B-----\n'],
  ['holds no base64', block('A', 'A*AA')],
])('a block that %s has no content', (_, text) => {
  expect(pemBlocks(text)).toEqual([{ label: 'A', hasEncryptedHeader: false, der: null }])
})

it('a block that begins in another that is cut short is read', () => {
  expect(pemBlocks(`-----BEGIN A-----\nAAAA\n${block('B', 'AAAA')}`)).toEqual([
    { label: 'A', hasEncryptedHeader: false, der: null },
    { label: 'B', hasEncryptedHeader: false, der: Uint8Array.of(0, 0, 0) },
  ])
})

it.each([
  ['Proc-Type: 4,ENCRYPTED', true],
  ['Comment: not ENCRYPTED', false],
])('a header line is no content, and %j makes a block encrypted: %s', (header, encrypted) => {
  expect(pemBlocks(block('A', header, 'DEK-Info: x', '', 'AAAA'))).toEqual([
    { label: 'A', hasEncryptedHeader: encrypted, der: Uint8Array.of(0, 0, 0) },
  ])
})

it('a line of the end alone is no block', () => {
  expect(pemBlocks('-----END A-----\n')).toEqual([])
})

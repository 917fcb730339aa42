import { describe, expect, it } from 'vitest'
import { readEngineAddress } from '../../../../../src/stores/valkey/connection/address.js'

describe('an address of the engine', () => {
  it.each([
    ['//10.0.0.1:7000', [{ host: '10.0.0.1', port: 7000 }], null],
    [
      '//a:1,b:2/',
      [
        { host: 'a', port: 1 },
        { host: 'b', port: 2 },
      ],
      null,
    ],
    ['//valkey', [{ host: 'valkey', port: 6379 }], null],
    [
      '//[::1]:7000,[::2]',
      [
        { host: '::1', port: 7000 },
        { host: '::2', port: 6379 },
      ],
      null,
    ],
    ['//sessiond@a:1', [{ host: 'a', port: 1 }], 'sessiond'],
  ])('%s names nodes, and perhaps a user', (text, seeds, user) => {
    expect(readEngineAddress('valkey', text)).toEqual({ seeds, user, isTls: false })
  })

  it.each([
    ['valkey', false],
    ['valkeys', true],
    ['redis', false],
    ['rediss', true],
  ])('of the kind %s uses TLS: %s', (kind, isTls) => {
    expect(readEngineAddress(kind, '//a:1').isTls).toBe(isTls)
  })

  it.each(['', 'a:1', '//', '//a:1/0', '//user@', '//a:70000', '//a:0', '//a:1,', '//:6379'])(
    '%j is none, and the error shows a correct one',
    (text) => {
      expect(() => readEngineAddress('valkey', text)).toThrow(/HOST:PORT/)
    },
  )

  it('does not take a password, and does not quote it', () => {
    const read = () => readEngineAddress('valkey', '//user:hunter2@a:1')
    expect(read).toThrow('--store-password')
    expect(read).not.toThrow('hunter2')
  })
})

import { describe, expect, it } from 'vitest'
import { senecaAddress } from '../../../src/config/values.js'
import { isLoopback } from '../../../src/net/loopback.js'

describe('a loopback address', () => {
  it.each(['127.0.0.1', '127.1.2.3', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1', 'localhost'])(
    'is %s',
    (host) => expect(isLoopback(host)).toBe(true),
  )

  it.each([
    '0.0.0.0',
    '::',
    '128.0.0.1',
    '10.0.0.1',
    '::2',
    'localhost.example',
    '127.0.0.1.example',
    '',
  ])('is not %j', (host) => expect(isLoopback(host)).toBe(false))
})

describe('where Seneca listens', () => {
  it.each([
    ['tcp://127.0.0.1:8807', { protocol: 'tcp', host: '127.0.0.1', port: 8807 }],
    ['http://[::1]:0', { protocol: 'http', host: '::1', port: 0 }],
    ['tcp://localhost:1', { protocol: 'tcp', host: 'localhost', port: 1 }],
  ])('is %s', (text, address) => expect(senecaAddress(text)).toEqual(address))

  it.each([
    ['127.0.0.1:8807', 'is not an address such as tcp://'],
    ['https://127.0.0.1:8807', 'is not an address such as tcp://'],
    ['tcp://127.0.0.1', 'is not HOST:PORT'],
    ['tcp://127.0.0.1:8807/act', 'is not HOST:PORT'],
  ])('is not %s', (text, problem) => expect(() => senecaAddress(text)).toThrow(problem))
})

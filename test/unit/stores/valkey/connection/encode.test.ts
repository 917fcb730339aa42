import { describe, expect, it } from 'vitest'
import { encode } from '../../../../../src/stores/valkey/connection/encode.js'

describe('a command', () => {
  it('is an array of bulk strings, whose lengths count bytes', () => {
    expect(encode(['SET', 'é', Buffer.of(0, 255)])).toEqual(
      Buffer.concat([
        Buffer.from('*3\r\n$3\r\nSET\r\n$2\r\né\r\n$2\r\n'),
        Buffer.of(0, 255),
        Buffer.from('\r\n'),
      ]),
    )
  })

  it.each([0, 1, 63, 64, 65, 1000, 300_000])('carries an argument of %i characters', (length) => {
    const text = 'x'.repeat(length)
    const head = `*2\r\n$1\r\nA\r\n$${length}\r\n`
    expect(encode(['A', text]).toString()).toBe(`${head}${text}\r\n`)
    expect(encode(['A', Buffer.from(text)]).toString()).toBe(`${head}${text}\r\n`)
  })

  it('keeps its bytes while others are encoded', () => {
    const first = encode(['GET', 'a'])
    const bytes = Buffer.from(first)
    encode(['GET', 'b'])
    expect(first).toEqual(bytes)
  })
})

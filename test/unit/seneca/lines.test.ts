import fc from 'fast-check'
import { expect, it } from 'vitest'
import { LineReader, type LineTooLongError } from '../../../src/seneca/lines.js'

function read(reader: LineReader, chunks: readonly Buffer[]): string[] {
  const lines: string[] = []
  for (const chunk of chunks) {
    reader.push(chunk)
    for (let line = reader.next(); line !== null; line = reader.next()) {
      lines.push(line.toString('latin1'))
    }
  }
  return lines
}

it('cuts the same lines however the bytes come', () => {
  const bytes = fc.uint8Array({ maxLength: 200 }).map((bytes) =>
    // Many line ends, and lines of some length between them.
    Buffer.from(bytes.map((byte) => (byte < 40 ? 0x0a : byte))),
  )
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 20 }), (chunks) => {
      const expected = Buffer.concat(chunks).toString('latin1').split('\n')
      const unfinished = expected.pop() as string
      const reader = new LineReader(10_000)
      expect(read(reader, chunks)).toEqual(expected)
      expect(reader.isMidLine).toBe(unfinished.length > 0)
    }),
  )
})

it('cuts what it was given at once only as it is asked', () => {
  const reader = new LineReader(10)
  reader.push(Buffer.from('a\nb\nc'))
  expect(reader.next()?.toString()).toBe('a')
  reader.push(Buffer.from('d\n'))
  expect([reader.next()?.toString(), reader.next()?.toString()]).toEqual(['b', 'cd'])
  expect(reader.next()).toBeNull()
})

it.each([
  ['byte by byte', 1],
  ['in odd pieces', 1_001],
  ['in large pieces', 65_536],
  ['at once', 10_000_000],
])('holds a bounded part of a line without end that comes %s', (_, chunkBytes) => {
  const maxBytes = 100_000
  const reader = new LineReader(maxBytes)
  const chunk = Buffer.alloc(chunkBytes, 'x')
  let pushed = 0
  const pushOn = () => {
    for (;;) {
      reader.push(chunk)
      pushed += chunkBytes
      expect(reader.next()).toBeNull()
      expect(reader.heldBytes).toBeLessThanOrEqual(2 * maxBytes)
    }
  }
  expect(pushOn).toThrow(`the message has more than ${maxBytes} bytes`)
  expect(pushed).toBeLessThanOrEqual(maxBytes + chunkBytes)
})

it('takes a line of exactly the largest length', () => {
  const reader = new LineReader(5)
  expect(read(reader, [Buffer.from('12345\n123'), Buffer.from('45\n')])).toEqual(['12345', '12345'])
  reader.push(Buffer.from('123456\n'))
  expect(() => reader.next()).toThrow('the message has more than 5 bytes')
})

it('passes over a line that is too long, and goes on behind it, however the bytes come', () => {
  const bytes = Buffer.from(`one\n${'x'.repeat(90)}\ntwo\n`)
  const cuts = fc.array(fc.nat({ max: bytes.length }), { maxLength: 10 })
  fc.assert(
    fc.property(cuts, (at) => {
      const reader = new LineReader(10)
      const ends = [...at.sort((a, b) => a - b), bytes.length]
      const told: string[] = []
      ends.forEach((end, i) => {
        reader.push(bytes.subarray(ends[i - 1] ?? 0, end))
        for (let isMore = true; isMore; ) {
          try {
            const line = reader.next()
            isMore = line !== null
            told.push(...(line === null ? [] : [`${line}`]))
          } catch (error) {
            told.push(`too long: ${(error as LineTooLongError).beginning.subarray(0, 10)}`)
          }
        }
        expect(reader.heldBytes).toBeLessThanOrEqual(1024 + bytes.length)
      })
      expect(told).toEqual(['one', `too long: ${'x'.repeat(10)}`, 'two'])
      expect(reader.isMidLine).toBe(false)
    }),
  )
})

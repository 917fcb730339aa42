import fc from 'fast-check'
import { expect, it } from 'vitest'
import { InvalidFieldError } from '../../../../src/core/errors.js'
import { cursorText, readCursor } from '../../../../src/http/operator/cursor.js'

const time = fc.maxSafeNat()
const id = fc.string({ unit: 'binary', maxLength: 20 })
const place = fc.record({
  sinceMs: time,
  phase: fc.nat(9),
  after: fc.option(fc.record({ requestTimeMs: time, id })),
})
const sortPlace = fc.record({ timeMs: fc.option(time), id })
const cursor = fc.oneof(
  fc.record({ walk: place }),
  fc.record({ walk: place, sorted: fc.record({ until: place, behind: sortPlace }) }),
)

it('a cursor is read as it was written', () => {
  fc.assert(
    fc.property(cursor, (one) => {
      expect(readCursor(cursorText(one))).toEqual(one)
    }),
  )
})

it.each<[string, unknown]>([
  ['no JSON', undefined],
  ['no list', {}],
  ['another form', [2, 1, 0, null, null]],
  ['no time', [1, 'x', 0, null, null]],
  ['a time before all times', [1, -1, 0, null, null]],
  ['a fraction', [1, 1.5, 0, null, null]],
  ['a phase that no walk has', [1, 1, 10, null, null]],
  ['half a place', [1, 1, 0, 5, null]],
  ['another half', [1, 1, 0, null, 'a']],
  ['an id that no session has', [1, 1, 0, 5, 'x'.repeat(65)]],
  ['half a character', [1, 1, 0, 5, '\ud800']],
  ['too few parts', [1, 1, 0]],
  ['half of a second place', [1, 1, 0, 5, 'a', 1, 0]],
  ['a second place that is none', [1, 1, 0, 5, 'a', 'x', 0, null, null, 1, 'b']],
  ['no place in the order', [1, 1, 0, 5, 'a', 1, 0, null, null, 'x', 'b']],
  ['no id in the order', [1, 1, 0, 5, 'a', 1, 0, null, null, 1, 2]],
  ['too many parts', [1, 1, 0, 5, 'a', 1, 0, null, null, 1, 'b', 1]],
])('what a client made up is refused: %s', (_, parts) => {
  const text = parts === undefined ? 'ÿ{' : JSON.stringify(parts)
  expect(() => readCursor(Buffer.from(text).toString('base64url'))).toThrow(InvalidFieldError)
})

it('a long cursor is refused unread', () => {
  const text = JSON.stringify([1, 1, 0, null, null]) + ' '.repeat(3000)
  expect(() => readCursor(Buffer.from(text).toString('base64url'))).toThrow(InvalidFieldError)
})

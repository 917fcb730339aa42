import { expect, it } from 'vitest'
import { newest } from '../../../../src/stores/valkey/newest.js'

it('keeps the entries that were used last, and no more than so many', () => {
  const entries = newest<number>(3)
  for (const [i, key] of ['a', 'b', 'c'].entries()) {
    entries.set(key, i)
  }
  expect(entries.get('a')).toBe(0)
  entries.set('b', 7)
  entries.set('d', 3)
  expect([...entries.keys()].sort()).toEqual(['a', 'b', 'd'])
  expect(entries.get('b')).toBe(7)
})

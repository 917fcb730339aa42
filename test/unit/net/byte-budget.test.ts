import { expect, it } from 'vitest'
import { ByteBudget, type Share } from '../../../src/net/byte-budget.js'

/** A budget, and what was taken from it, in that order. */
function start(maxBytes: number) {
  const budget = new ByteBudget(maxBytes)
  const taken: string[] = []
  return {
    budget,
    taken,
    async take(name: string, share: Share, bytes: number) {
      void budget.take(share, bytes).then(() => taken.push(name))
      await new Promise(setImmediate)
    },
    async free(share: Share) {
      budget.free(share)
      await new Promise(setImmediate)
    },
  }
}

it('gives no more bytes than there are, and the rest in the order in which it was asked for', async () => {
  const { budget, taken, take, free } = start(10)
  const [a, b, c, d] = [budget.share(), budget.share(), budget.share(), budget.share()]
  await take('a', a, 6)
  await take('b', b, 4)
  await take('c', c, 5)
  await take('d', d, 1)
  expect(taken).toEqual(['a', 'b'])
  await free(b)
  expect(taken).toEqual(['a', 'b'])
  await free(a)
  expect(taken).toEqual(['a', 'b', 'c', 'd'])
})

it('lets the first go on where all wait for each other, and the next once that is done', async () => {
  const { budget, taken, take, free } = start(10)
  const [a, b] = [budget.share(), budget.share()]
  await take('a', a, 5)
  await take('b', b, 5)
  await take('more of b', b, 5)
  expect(taken).toEqual(['a', 'b'])
  await take('more of a', a, 5)
  expect(taken).toEqual(['a', 'b', 'more of a'])
  await free(a)
  expect(taken).toEqual(['a', 'b', 'more of a', 'more of b'])
  await free(b)
  await take('all', budget.share(), 10)
  expect(taken.at(-1)).toBe('all')
})

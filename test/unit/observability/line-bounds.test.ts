import { expect, it } from 'vitest'
import { LineBounds } from '../../../src/observability/line-bounds.js'

/** Bounds of two lines a second, whose seconds end when the test says so. */
function setUp() {
  const ends: (() => void)[] = []
  const told: [string, number][] = []
  const bounds = new LineBounds(
    2,
    (event, lines) => told.push([event, lines]),
    (delayMs, run) => {
      expect(delayMs).toBe(1000)
      ends.push(run)
      return () => {}
    },
  )
  return { bounds, told, endSecond: () => ends.splice(0).forEach((end) => void end()) }
}

it('lets through so many lines of each event in a second', () => {
  const { bounds, endSecond } = setUp()
  const admitted = () => ['a', 'a', 'a', 'b'].map((event) => bounds.admits(event))
  expect(admitted()).toEqual([true, true, false, true])
  endSecond()
  expect(admitted()).toEqual([true, true, false, true])
})

it.each([
  [2, []],
  [3, [['a', 1]]],
  [5, [['a', 3]]],
])('of %i lines it tells at the end of the second how many are missing', (lines, missing) => {
  const { bounds, told, endSecond } = setUp()
  for (let n = 0; n < lines; n++) {
    bounds.admits('a')
  }
  expect(told).toEqual([])
  endSecond()
  expect(told).toEqual(missing)
})

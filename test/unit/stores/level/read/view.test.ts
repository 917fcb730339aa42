import { expect, it } from 'vitest'
import { giveWay } from '../../../../../src/stores/level/read/view.js'

it('loops that compute much have one turn of the event loop at a time, all together', async () => {
  let turns = 0
  let isOver = false
  const count = () => {
    turns++
    if (!isOver) {
      setImmediate(count)
    }
  }
  setImmediate(count)
  const compute = async () => {
    for (let round = 0; round < 3; round++) {
      const startMs = performance.now()
      while (performance.now() - startMs < 6);
      await giveWay()
    }
  }
  await Promise.all(Array.from({ length: 10 }, compute))
  isOver = true
  // Each but for the first ones of all was alone in its turn.
  expect(turns).toBeGreaterThanOrEqual(2 * 10)
})

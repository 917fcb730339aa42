import { expect, it } from 'vitest'
import { backgroundInterval, backgroundTimer } from '../../../src/net/background-timers.js'

/** How many timers keep this process alive. */
const keepingAlive = () =>
  process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length

it.each([
  ['a timer', backgroundTimer],
  ['an interval', backgroundInterval],
])(
  '%s runs in the background until it is stopped, and keeps no process alive',
  async (_, start) => {
    const before = keepingAlive()
    let runs = 0
    let stop = () => {}
    await new Promise<void>((resolve) => {
      stop = start(1, () => {
        runs++
        resolve()
      })
      expect(keepingAlive()).toBe(before)
    })
    stop()
    const seen = runs
    const cancel = start(1, () => runs++)
    cancel()
    // One that was not cancelled would run before a later one.
    await new Promise<void>((resolve) => {
      const stopLater = start(2, () => {
        stopLater()
        resolve()
      })
    })
    expect(runs).toBe(seen)
  },
)

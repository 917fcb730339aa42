import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { Lifecycle, type Listener } from '../../../src/net/lifecycle.js'

/** A listener with calls that end when the test says so, or are cut when they were given no time. */
function listener(address: string, calls: number, told: string[]) {
  let finish = () => {}
  const finished = new Promise<void>((resolve) => {
    finish = resolve
  })
  const self: Listener = {
    address,
    async close(graceMs) {
      told.push(`${address}: ${graceMs}`)
      if (graceMs === 0) {
        finish()
        return calls
      }
      await finished
      return 0
    },
  }
  return { self, finish }
}

function lifecycle() {
  const told: string[] = []
  const parts = new Lifecycle()
  const [one, other] = [listener('one', 2, told), listener('other', 0, told)] as const
  parts.add(() => told.push('store'))
  parts.listens(one.self)
  parts.add(async () => told.push('sweep'))
  parts.listens(other.self)
  return { told, parts, one, other }
}

describe('the end of what was opened', () => {
  it('begins at all listeners at once, and then goes back in order', async () => {
    const { told, parts, one, other } = lifecycle()
    const closed = parts.close(10_000)
    expect(told).toEqual(['one: 10000', 'other: 10000'])
    other.finish()
    one.finish()
    expect(await closed).toEqual({})
    expect(told.slice(2)).toEqual(['sweep', 'store'])
  })

  it('gives callers no more time when it is forced, and says whom that met', async () => {
    const { told, parts } = lifecycle()
    const force = new AbortController()
    const closed = parts.close(10_000, force.signal)
    force.abort()
    expect(await closed).toEqual({ one: 2 })
    expect(told.slice(2)).toEqual(['one: 0', 'other: 0', 'sweep', 'store'])
  })

  it('lets go of the signal that would have forced it', async () => {
    const { parts, one, other } = lifecycle()
    const { signal } = new AbortController()
    const closed = parts.close(10_000, signal)
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    one.finish()
    other.finish()
    await closed
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it('gives callers none when it was forced before', async () => {
    const { told, parts } = lifecycle()
    expect(await parts.close(10_000, AbortSignal.abort())).toEqual({ one: 2 })
    expect(told).toEqual(['one: 0', 'other: 0', 'sweep', 'store'])
  })

  it('goes on where something fails, and tells of the first failure', async () => {
    const { told, parts } = lifecycle()
    parts.listens({ address: 'bad', close: () => Promise.reject(new Error('first')) })
    parts.add(() => {
      throw new Error('second')
    })
    await expect(parts.close(10_000, AbortSignal.abort())).rejects.toThrow('first')
    expect(told).toEqual(['one: 0', 'other: 0', 'sweep', 'store'])
  })
})

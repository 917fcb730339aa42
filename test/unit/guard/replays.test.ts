import { expect, it } from 'vitest'
import { Replays } from '../../../src/guard/replays.js'

const STRETCH_MS = 1000
const key = (name: string) => Buffer.from(name.padEnd(32))

it('knows a nonce again, of its own key alone', () => {
  const replays = new Replays(100, STRETCH_MS)
  expect(replays.add(key('a'), 'one', 500, 0)).toBe('new')
  expect(replays.add(key('a'), 'one', 500, 0)).toBe('again')
  expect(replays.add(key('b'), 'one', 500, 0)).toBe('new')
  expect(replays.add(key('a'), 'two', 500, 0)).toBe('new')
})

it('knows a nonce for as long as its proof is good, and forgets it soon after', () => {
  const replays = new Replays(100, STRETCH_MS)
  replays.add(key('a'), 'one', 1500, 1000)
  expect(replays.add(key('a'), 'one', 1500, 1500)).toBe('again')
  // Also where the second claims to be good for longer.
  expect(replays.add(key('a'), 'one', 2400, 1999)).toBe('again')
  expect(replays.size).toBe(1)
  replays.add(key('b'), 'other', 9000, 2000)
  expect(replays.size).toBe(1)
})

it('remembers no more than it has room for, and forgets nothing for that', () => {
  const replays = new Replays(16, STRETCH_MS)
  for (let i = 0; i < 16; i++) {
    expect(replays.add(key(`key ${i}`), 'nonce', 500, 0)).toBe('new')
  }
  expect(replays.add(key('another'), 'nonce', 500, 0)).toBe('full')
  expect(replays.add(key('key 0'), 'nonce', 500, 0)).toBe('again')
  expect(replays.size).toBe(16)
  // With time there is room again.
  expect(replays.add(key('another'), 'nonce', 1500, 1000)).toBe('new')
})

it('lets one key use up its share alone', () => {
  const replays = new Replays(80, STRETCH_MS)
  const outcomes = Array.from({ length: 11 }, (_, i) =>
    replays.add(key('greedy'), `${i}`, 500 + i, 0),
  )
  expect(outcomes.filter((outcome) => outcome === 'new')).toHaveLength(10)
  expect(outcomes.at(-1)).toBe('full')
  expect(replays.add(key('modest'), '0', 500, 0)).toBe('new')
})

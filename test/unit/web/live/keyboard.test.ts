import { describe, expect, it } from 'vitest'
import { targetOf } from '../../../../src/web/live/keyboard.js'

describe('targetOf', () => {
  it.each([
    ['ArrowDown', 3, 4],
    ['ArrowUp', 3, 2],
    ['PageDown', 3, 13],
    ['PageUp', 13, 3],
    ['Home', 3, 0],
    ['End', 3, 19],
    ['ArrowUp', 0, 0],
    ['ArrowDown', 19, 19],
    ['PageDown', 15, 19],
    ['Enter', 3, null],
    ['x', 3, null],
  ])('%s from %i goes to %s of 20', (key, from, to) => {
    expect(targetOf(key, from, 20)).toBe(to)
  })
})

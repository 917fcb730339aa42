import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { KeyBits } from '../../../../../src/stores/level/write/key-bits.js'

/** Keys that differ in the last bytes alone, as counters do, and keys that differ everywhere. */
const COUNTED = (n: number) => Buffer.from(`key-of-an-owner-${String(n).padStart(12, '0')}`)
const HASHED = (n: number) => createHash('sha256').update(String(n)).digest()

it('knows every key that was added, even with more of them than there is room for', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 200 }),
      fc.integer({ min: 0, max: 100 }),
      (keys, room) => {
        const bits = new KeyBits(room)
        for (const key of keys) {
          bits.add(key)
        }
        expect(keys.every((key) => bits.mayHold(key))).toBe(true)
      },
    ),
  )
})

it.each([
  ['that count up', COUNTED],
  ['of random bytes', HASHED],
])('takes at most two of a hundred other keys %s for added ones', (_, keyOf) => {
  // Just more than a power of two, so that all room is used.
  const room = 52_000
  const bits = new KeyBits(room)
  for (let i = 0; i < room; i++) {
    bits.add(keyOf(i))
  }
  expect(bits.isFull).toBe(false)
  const asked = 20_000
  let mistaken = 0
  for (let i = room; i < room + asked; i++) {
    mistaken += bits.mayHold(keyOf(i)) ? 1 : 0
  }
  expect(mistaken / asked).toBeLessThan(0.02)
})

it('is full once more keys were added than it has room for, and then makes room for as many again', () => {
  const bits = new KeyBits(100)
  let added = 0
  while (!bits.isFull) {
    bits.add(COUNTED(added++))
  }
  expect(added).toBeGreaterThan(100)
  bits.makeRoom()
  expect(bits.isFull).toBe(false)
  for (let i = 0; i < added; i++) {
    bits.add(COUNTED(added + i))
  }
  expect(bits.isFull).toBe(false)
  bits.add(COUNTED(0))
  expect(bits.isFull).toBe(true)
})

it('takes 16 MiB at most, however many keys are expected', () => {
  const before = process.memoryUsage().arrayBuffers
  const bits = new KeyBits(1e12)
  bits.add(COUNTED(1))
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(17 * 1024 * 1024)
  expect(bits.mayHold(COUNTED(1))).toBe(true)
  expect(bits.mayHold(COUNTED(2))).toBe(false)
})

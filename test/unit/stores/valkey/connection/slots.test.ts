import { expect, it } from 'vitest'
import {
  shardTag,
  slotOf,
  slotsOfShards,
} from '../../../../../src/stores/valkey/connection/slots.js'

// The first is the check value of CRC-16/XMODEM; the others are what CLUSTER KEYSLOT of an engine says.
it.each([
  ['123456789', 0x31c3],
  ['foo', 12182],
  ['{user1000}.following', 3443],
  ['foo{}{bar}', 8363],
  ['foo{{bar}}zap', 4015],
  ['foo{bar}{zap}', 5061],
])('the slot of %s is that of the engine', (key, slot) => {
  expect(slotOf(key)).toBe(slot)
})

it('a shard has the slot of every key with its tag', () => {
  expect(shardTag(17)).toBe('{sd:017}')
  expect(shardTag(4095)).toBe('{sd:4095}')
  expect(slotsOfShards(256)[17]).toBe(slotOf('s:{sd:017}:2f0c'))
})

it('the shards of a store lie in different slots', () => {
  expect(new Set(slotsOfShards(4096)).size).toBeGreaterThan(3500)
})

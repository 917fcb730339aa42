import { randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { ownerText } from '../../../../../src/core/owner-text.js'
import { FREE_ID_BITS, uuidText, uuidV4Bytes } from '../../../../../src/core/uuid.js'
import { idBitsOf, isShardCount, Shards } from '../../../../../src/stores/valkey/layout/shards.js'

const USERS = 50_000

it.each<[string, (i: number) => string]>([
  ['counted ids', (i) => `${i}`],
  ['names with a number', (i) => `user-${i}@example.org`],
  [
    'ids of MongoDB, one second after another',
    (i) => `${(1_700_000_000 + i).toString(16)}a1b2c3d4e5f60718`,
  ],
  ['owners', () => ownerText(randomBytes(25))],
])('spreads users evenly: %s', (_, userOf) => {
  const shards = new Shards(256)
  const sizes = new Array<number>(256).fill(0)
  for (let i = 0; i < USERS; i++) {
    const shard = shards.ofUser(userOf(i))
    sizes[shard] = (sizes[shard] ?? 0) + 1
  }
  const mean = USERS / 256
  expect(Math.max(...sizes)).toBeLessThan(1.5 * mean)
  expect(Math.min(...sizes)).toBeGreaterThan(0.5 * mean)
})

it('finds a user where earlier releases put it', () => {
  const shards = new Shards(4096)
  expect(['', 'alice', 'ü', '0'.repeat(1000)].map((user) => shards.ofUser(user))).toEqual([
    0, 3143, 2517, 2435,
  ])
})

it.each([1, 2, 16, 256, 4096])(
  'names with the bits of an id the shard of its user, of %i shards',
  (count) => {
    const shards = new Shards(count)
    for (let i = 0; i < 1000; i++) {
      const id = uuidText(
        uuidV4Bytes(randomBytes(16), { at: 'version', bits: idBitsOf(`user ${i}`) }),
      )
      expect(shards.namedBy(id)).toBe(shards.ofUser(`user ${i}`))
    }
  },
)

it('takes no shard from an id of another form', () => {
  const shards = new Shards(16)
  for (const id of [
    '',
    'session 1',
    '919108F7-52D1-4320-9BAC-F847DB4148A8',
    '919108f7-52d1-1320-9bac-f847db4148a8',
    '919108f7-52d1-4320-cbac-f847db4148a8',
    ' 919108f7-52d1-4320-9bac-f847db4148a8',
    '919108f7-52d1-4320-9bac-f847db4148a8\n',
  ]) {
    expect(shards.namedBy(id)).toBeUndefined()
  }
  expect(shards.namedBy('919108f7-52d1-4320-9bac-f847db4148a8')).toBe(0)
})

it('has as many shards as the bits of an id can name, and a power of two', () => {
  expect(
    [0, -1, 1.5, 3, 12, 2 ** FREE_ID_BITS + 1, 2 ** (FREE_ID_BITS + 1)].filter(isShardCount),
  ).toEqual([])
  expect([1, 2, 1024, 2 ** FREE_ID_BITS].filter(isShardCount)).toHaveLength(4)
})

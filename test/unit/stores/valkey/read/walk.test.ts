import { expect, it } from 'vitest'
import { Shards } from '../../../../../src/stores/valkey/layout/shards.js'
import type { StoreParts } from '../../../../../src/stores/valkey/parts.js'
import { walkDeadlines } from '../../../../../src/stores/valkey/read/walk.js'
import { collect } from '../../../../support/damage.js'

it('a walk over the deadlines of one user asks the shard of that user alone', async () => {
  const shards = new Shards(16)
  const asked: number[] = []
  const after = async (shard: number) => {
    asked.push(shard)
    return []
  }
  const parts = { shards, functions: { after } } as unknown as StoreParts
  await collect(walkDeadlines(parts, 'alice'))
  expect(asked).toEqual([shards.ofUser('alice')])
  asked.splice(0)
  await collect(walkDeadlines(parts))
  expect(asked).toHaveLength(16)
})

import { expect, it } from 'vitest'
import { capability } from '../../../src/offline/stored-data.js'
import type { StoreEngine } from '../../../src/stores/engine.js'

const ENGINE: StoreEngine = {
  location: 'paper:shelf',
  exists: () => expect.unreachable(),
  open: () => expect.unreachable(),
  restore: () => expect.unreachable(),
}

it('says by its name what a kind of store cannot do', () => {
  expect(capability(ENGINE, 'restore')).toBe(ENGINE.restore)
  for (const name of ['check', 'repair'] as const) {
    expect(() => capability(ENGINE, name)).toThrow(
      expect.objectContaining({
        code: 'INVALID_CONFIG',
        message: expect.stringMatching(new RegExp(`^--store: paper:shelf .*${name}`)),
      }),
    )
  }
})

import { describe, expect } from 'vitest'
import { commandSession, insert, sessionDeadline, tokenSession } from '../support/store-sessions.js'
import { all, SEAL, type StoreTest } from './given.js'

/** Capability `snapshots`. */
export function snapshotsTests(it: StoreTest): void {
  describe('one snapshot of all users', () => {
    it('shows the ids of sessions that have a seal, in the order of their bytes', async ({
      store,
    }) => {
      for (const [id, userId] of [
        ['é', 'alice'],
        ['b', 'bob'],
        ['c', 'alice'],
      ] as const) {
        await insert(store, tokenSession(id, { userId }), { seal: SEAL })
      }
      await expect(all(store.walkSeals())).resolves.toEqual(['b', 'c', 'é'])
    })

    it('shows the deadlines that there were, whatever is settled and armed meanwhile', async ({
      store,
    }) => {
      const MANY = Array.from({ length: 300 }, (_, i) => `${i}`)
      await Promise.all(
        MANY.map((id, i) =>
          insert(store, commandSession(id, { userId: `user ${i % 7}` }), { sweepAtMs: i }),
        ),
      )
      const walk = store.walkDeadlines()[Symbol.asyncIterator]()
      const seen = [...((await walk.next()).value ?? [])]
      await store.settle(MANY.map((id, i) => sessionDeadline(i, id)))
      await insert(store, commandSession('new'), { sweepAtMs: 299 })
      for (let step = await walk.next(); !step.done; step = await walk.next()) {
        seen.push(...step.value)
      }
      expect(seen).toEqual(MANY.map((id, i) => sessionDeadline(i, id)))
    })
  })
}

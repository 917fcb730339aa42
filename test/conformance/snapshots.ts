import { describe, expect } from 'vitest'
import { readBackup } from '../../src/stores/backup-reader.js'
import { commandSession, insert, sessionDeadline, tokenSession } from '../support/store-sessions.js'
import { all, BODY, KEYED, keyedSession, SEAL, type StoreTest } from './given.js'
import { served } from './operators.js'

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

    it('shows a backup of one moment, while writes go on', async ({ harness }) => {
      const store = served(harness)
      await insert(store, keyedSession('1'), { seal: SEAL, idempotency: BODY }, KEYED)
      await insert(store, commandSession('2'), { sweepAtMs: 100 })
      const items = readBackup(store.backup(7000), 'the backup')
      const { value: header } = await items.next()
      expect(header).toMatchObject({ kind: 'header', timeMs: 7000 })
      await insert(store, commandSession('3'))
      for (;;) {
        const { value, done } = await items.next()
        if (done) {
          expect(value).toEqual({
            header: 1,
            session: 2,
            seal: 1,
            entry: 1,
            deadline: 2,
            ending: 0,
          })
          return
        }
      }
    })
  })
}

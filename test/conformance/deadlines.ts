import { describe, expect } from 'vitest'
import { commandSession, insert, sessionDeadline, tokenSession } from '../support/store-sessions.js'
import { ALWAYS, BODY_UNTIL_200, KEY, KEYED, keyedSession, type StoreTest } from './given.js'

export function deadlinesTests(it: StoreTest): void {
  describe('deadlines', () => {
    it('come due earliest first, up to a limit', async ({ store }) => {
      await insert(store, commandSession('1'), { sweepAtMs: 300 })
      await insert(store, commandSession('2'), { sweepAtMs: 100 })
      await insert(store, keyedSession('3'), { sweepAtMs: 400, idempotency: BODY_UNTIL_200 }, KEYED)
      const all = [
        sessionDeadline(100, '2'),
        { kind: 'idempotency', timeMs: 200, scope: KEY },
        sessionDeadline(300, '1'),
        sessionDeadline(400, '3'),
      ]
      await expect(store.due(1000, 10)).resolves.toEqual(all)
      await expect(store.due(1000, 2)).resolves.toEqual(all.slice(0, 2))
      await expect(store.due(300, 10)).resolves.toEqual(all.slice(0, 2))
      await expect(store.due(301, 10)).resolves.toEqual(all.slice(0, 3))
      await expect(store.due(1000, 0)).resolves.toEqual([])
      await expect(store.due(0, 10)).resolves.toEqual([])
    })

    it('stay until they are settled, also beyond the session', async ({ store }) => {
      await insert(store, commandSession('1'), { sweepAtMs: 100 })
      await store.update('1', (session) => ({ session, sweepAtMs: 200 }))
      await store.remove('1', ALWAYS)
      const due = await store.due(1000, 10)
      expect(due).toEqual([sessionDeadline(100, '1'), sessionDeadline(200, '1')])
      await store.settle(due.slice(0, 1))
      await expect(store.due(1000, 10)).resolves.toEqual(due.slice(1))
      await store.settle(due)
      await expect(store.due(1000, 10)).resolves.toEqual([])
      await store.settle([])
    })

    it('are seen where they are armed before what was settled', async ({ store }) => {
      await insert(store, commandSession('1'), { sweepAtMs: 500 })
      await store.settle(await store.due(1000, 10))
      await expect(store.due(1000, 10)).resolves.toEqual([])
      await insert(store, commandSession('2'), { sweepAtMs: 50 })
      await expect(store.due(1000, 10)).resolves.toEqual([sessionDeadline(50, '2')])
      await expect(store.due(60, 10)).resolves.toEqual([sessionDeadline(50, '2')])
      await expect(store.due(50, 10)).resolves.toEqual([])
      await expect(store.due(1000, 10)).resolves.toEqual([sessionDeadline(50, '2')])
    })

    it('may lie at the end of time', async ({ store }) => {
      await insert(store, tokenSession('1'), { sweepAtMs: Number.MAX_SAFE_INTEGER })
      await expect(store.due(Number.MAX_SAFE_INTEGER, 10)).resolves.toEqual([])
      await expect(store.due(Infinity, 10)).resolves.toEqual([
        sessionDeadline(Number.MAX_SAFE_INTEGER, '1'),
      ])
    })
  })
}

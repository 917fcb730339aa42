import { describe, expect } from 'vitest'
import type { SessionChange } from '../../src/core/events.js'
import type { Session } from '../../src/core/session.js'
import { commandSession, ended, insert } from '../support/store-sessions.js'
import { ALWAYS, type StoreTest } from './given.js'

export function subscribeTests(it: StoreTest): void {
  describe('events', () => {
    it('tell each change as it was and is', async ({ store, recordChanges }) => {
      const changes = recordChanges()
      const first = commandSession('1')
      const second = commandSession('1', { requestTimeMs: 2000 })
      await insert(store, first)
      await store.update('1', () => ({ session: second }))
      await store.update('1', () => ({ session: ended(second) }))
      await store.remove('1', ALWAYS)
      expect(changes).toEqual([
        { before: null, after: first },
        { before: first, after: second },
        { before: second, after: ended(second) },
        { before: ended(second), after: null },
      ])
    })

    it('come before the promise resolves, and when a read sees the change', async ({ store }) => {
      const order: string[] = []
      const reads: Promise<Session | undefined>[] = []
      store.subscribe(({ after }) => {
        order.push(`event ${after?.id}`)
        reads.push(store.get(after?.id ?? ''))
      })
      await Promise.all(
        ['1', '2', '3'].map(async (id) => {
          await insert(store, commandSession(id, { userId: id }))
          order.push(`done ${id}`)
        }),
      )
      for (const id of ['1', '2', '3']) {
        expect(order.indexOf(`event ${id}`)).toBeLessThan(order.indexOf(`done ${id}`))
        expect(order.filter((entry) => entry === `event ${id}`)).toHaveLength(1)
      }
      for (const session of await Promise.all(reads)) {
        expect(session).toBeDefined()
      }
    })

    it('come in commit order, so that each begins where the one before it ended', async ({
      store,
      recordChanges,
    }) => {
      await insert(store, commandSession('1', { requestTimeMs: 0 }))
      const changes = recordChanges()
      await Promise.all(
        Array.from({ length: 10 }, () =>
          store.update('1', (current) => ({
            session: { ...current, requestTimeMs: current.requestTimeMs + 1 },
          })),
        ),
      )
      const times = changes.map(({ before, after }) => [
        before?.requestTimeMs,
        after?.requestTimeMs,
      ])
      expect(times).toEqual(Array.from({ length: 10 }, (_, i) => [i, i + 1]))
    })

    it('reach every subscriber until it leaves, whatever another one throws', async ({ store }) => {
      const warnings: unknown[] = []
      const onWarning = (warning: unknown) => warnings.push(warning)
      process.on('warning', onWarning)
      try {
        const failure = new Error('a listener failed')
        store.subscribe(() => {
          throw failure
        })
        const changes: SessionChange[] = []
        const leave = store.subscribe((change) => changes.push(change))
        await insert(store, commandSession('1'))
        leave()
        await insert(store, commandSession('2'))
        expect(changes).toEqual([{ before: null, after: commandSession('1') }])
        // Warnings are emitted on the next tick.
        await new Promise((resolve) => process.nextTick(resolve))
        expect(warnings.filter((warning) => warning === failure)).toHaveLength(2)
      } finally {
        process.off('warning', onWarning)
      }
    })
  })
}

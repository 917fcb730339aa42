import { describe, expect } from 'vitest'
import type { Ending, Session } from '../../src/core/session.js'
import type { SessionStore } from '../../src/core/store.js'
import {
  commandSession,
  ended,
  insert,
  sessionDeadline,
  tokenSession,
} from '../support/store-sessions.js'
import { PLACE, SEAL, type StoreTest } from './given.js'

const SUPERSEDED: Ending = { reason: 'superseded', by: 'session new' }

/** Inserts a session for alice, and ends her oldest `count` with it. */
function replace(store: SessionStore, session: Session, count = 1): Promise<Session> {
  return store.insert({ userId: 'alice', countOpenOfUser: true, oldest: count }, (seen) => ({
    insert: { session },
    ends: (seen.oldest ?? []).map((one) => ({
      session: ended(one, 7000, SUPERSEDED),
      sweepAtMs: 8000,
    })),
  }))
}

export function endsTests(it: StoreTest): void {
  describe('sessions that end with an insert', () => {
    it('are the open ones of the user with the oldest requests, the oldest first', async ({
      store,
      see,
    }) => {
      const open = [
        commandSession('a', { openTimeMs: 1, requestTimeMs: 4 }),
        tokenSession('b', { openTimeMs: 2, requestTimeMs: 2 }),
        commandSession('c', { openTimeMs: 3, requestTimeMs: 3 }),
        commandSession('d', { openTimeMs: 3, requestTimeMs: 3 }),
      ]
      for (const session of open) {
        await insert(store, session)
      }
      await insert(store, ended(commandSession('e', { requestTimeMs: 1 })))
      await insert(store, commandSession('f', { userId: 'bob', requestTimeMs: 1 }))
      const oldest = async (count: number) =>
        (await see({ oldest: count })).oldest?.map(({ id }) => id)
      expect(await oldest(2)).toEqual(['b', 'd'])
      expect(await oldest(10)).toEqual(['b', 'd', 'c', 'a'])
      expect((await see({ oldest: 1 })).oldest).toEqual([open[1]])
      expect((await see()).oldest).toBeUndefined()
    })

    it('are none where the user has none open', async ({ see }) => {
      expect((await see({ oldest: 1 })).oldest).toEqual([])
    })

    it('end in the same commit, with their seals, before the new one opens', async ({
      store,
      see,
      recordChanges,
    }) => {
      const token = tokenSession('token', { requestTimeMs: 1 })
      const other = commandSession('other', { requestTimeMs: 2 })
      await insert(store, token, { seal: SEAL })
      await insert(store, other)
      const kept = commandSession('kept', { client: 'phone', requestTimeMs: 3 })
      await insert(store, kept)
      const changes = recordChanges()
      const opened = commandSession('new', { client: 'tablet', requestTimeMs: 4 })
      await expect(replace(store, opened, 2)).resolves.toEqual(opened)
      const after = [token, other].map((session) => ended(session, 7000, SUPERSEDED))
      expect(changes).toEqual([
        { before: token, after: after[0] },
        { before: other, after: after[1] },
        { before: null, after: opened },
      ])
      await expect(Promise.all(['token', 'other'].map((id) => store.get(id)))).resolves.toEqual(
        after,
      )
      await expect(store.seal('token')).resolves.toBeUndefined()
      await expect(store.findOpened('alice', PLACE.address, PLACE.client)).resolves.toBeUndefined()
      await expect(store.due(9000, 10)).resolves.toEqual(
        expect.arrayContaining([sessionDeadline(8000, 'token'), sessionDeadline(8000, 'other')]),
      )
      expect(await see()).toEqual({ openOfUser: 2, openInAll: 2 })
      await expect(store.countOpen()).resolves.toBe(2)
    })

    it('leave no trace of their place, even where several had the same', async ({ store }) => {
      await insert(store, commandSession('1', { requestTimeMs: 1 }))
      await insert(store, commandSession('2', { requestTimeMs: 2 }))
      await replace(store, commandSession('new', { requestTimeMs: 3 }), 2)
      const found = () => store.findOpened('alice', PLACE.address, PLACE.client)
      await expect(found()).resolves.toMatchObject({ id: 'new' })
      await store.update('new', (session) => ({ session: ended(session) }))
      await expect(found()).resolves.toBeUndefined()
    })

    it('stay open where the decision is an error, and are never others', async ({ store }) => {
      await insert(store, commandSession('1', { requestTimeMs: 1 }))
      const newest = commandSession('2', { requestTimeMs: 2 })
      await insert(store, newest)
      const scope = { userId: 'alice', countOpenOfUser: false, oldest: 1 }
      const refusal = new RangeError('no')
      const refuse = () => {
        throw refusal
      }
      await expect(store.insert(scope, refuse)).rejects.toBe(refusal)
      const wrong = store.insert(scope, () => ({
        insert: { session: commandSession('3') },
        ends: [{ session: ended(newest) }],
      }))
      await expect(wrong).rejects.toThrow(TypeError)
      await expect(store.countOpen()).resolves.toBe(2)
      await expect(store.get('3')).resolves.toBeUndefined()
    })

    it('are each ended once where many inserts come at once, beside requests', async ({
      store,
      recordChanges,
    }) => {
      const open = 5
      for (let i = 0; i < open; i++) {
        await insert(store, commandSession(`${i}`, { requestTimeMs: i }))
      }
      const changes = recordChanges()
      const touch = (id: string, requestTimeMs: number) =>
        store.update(id, (session) =>
          session.active ? { session: { ...session, requestTimeMs } } : null,
        )
      const inserts = Array.from({ length: 20 }, (_, i) => [
        replace(store, commandSession(`new ${i}`, { requestTimeMs: 1000 + i })),
        touch(`${i % open}`, 100 + i),
      ])
      await Promise.all(inserts.flat())
      await expect(store.countOpen()).resolves.toBe(open)
      const endings = changes.filter(({ before, after }) => before?.active && !after?.active)
      expect(new Set(endings.map(({ after }) => after?.id)).size).toBe(20)
      expect(endings).toHaveLength(20)
    })
  })
}

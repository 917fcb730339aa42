import { describe, expect } from 'vitest'
import type { Session } from '../../src/core/session.js'
import {
  commandSession,
  ended,
  insert,
  listIds,
  sessionDeadline,
  tokenSession,
} from '../support/store-sessions.js'
import { ALWAYS, PLACE, type StoreTest } from './given.js'

export function insertTests(it: StoreTest): void {
  describe('insert', () => {
    it.for<[string, Session]>([
      ['a command', commandSession('1', { data: '{"a":[1,2]}' })],
      ['Create', tokenSession('1')],
      ['an import, ended', ended(commandSession('an id of any text, ✓'))],
      ['a user without a name', commandSession('1', { userId: '', userName: '', user: null })],
    ])('keeps every field of a session opened by %s', async ([_, session], { store }) => {
      await expect(insert(store, session)).resolves.toEqual(session)
      await expect(store.get(session.id)).resolves.toEqual(session)
    })

    it('keeps neither user nor data of a session that has ended', async ({ store }) => {
      const parts = { active: false, closeTimeMs: 9000, user: '1', data: '2' }
      const bare = { user: null, data: null }
      await insert(store, commandSession('1', parts))
      await insert(store, commandSession('2', { user: '1', data: '2' }))
      await store.update('2', (session) => ({ session: { ...session, ...parts } }))
      for (const id of ['1', '2']) {
        await expect(store.get(id)).resolves.toMatchObject(bare)
      }
      const { sessions } = await store.list({ skip: 0, take: 10, total: false })
      expect(sessions).toMatchObject([bare, bare])
    })

    it('keeps copies: what it was given may lie in a buffer that is used again', async ({
      store,
    }) => {
      const received = Buffer.alloc(100, 'a request')
      const token = {
        owner: received.subarray(0, 8),
        lifetime: { exp: 3n, nbf: 2n, iat: 1n },
        publicKey: received.subarray(1, 33),
      }
      const session = tokenSession('1', { token })
      const expected = structuredClone(session)
      await insert(store, session, { seal: received.subarray(0, 4) })
      received.fill(0)
      await expect(store.get('1')).resolves.toEqual(expected)
      await expect(store.seal('1')).resolves.toEqual(Uint8Array.from(Buffer.from('a re')))
    })

    it('writes nothing where the decision is to keep, and returns what that names', async ({
      store,
      recordChanges,
    }) => {
      const kept = commandSession('kept')
      const changes = recordChanges()
      await expect(
        store.insert({ userId: 'alice', countOpenOfUser: false }, () => ({ keep: kept })),
      ).resolves.toEqual(kept)
      await expect(store.get('kept')).resolves.toBeUndefined()
      expect(changes).toEqual([])
    })

    it('replaces the session to reuse', async ({ store }) => {
      await insert(store, commandSession('1'))
      const replaced = commandSession('1', { requestTimeMs: 2000, data: '{}' })
      await expect(
        store.insert({ userId: 'alice', reuse: PLACE, countOpenOfUser: false }, () => ({
          replace: { session: replaced, sweepAtMs: 3000 },
        })),
      ).resolves.toEqual(replaced)
      await expect(store.get('1')).resolves.toEqual(replaced)
      await expect(store.due(4000, 10)).resolves.toEqual([sessionDeadline(3000, '1')])
      await expect(listIds(store, { fromTimeMs: 2000 })).resolves.toEqual(['1'])
      await expect(store.countOpen()).resolves.toBe(1)
    })

    it('refuses to replace any other session', async ({ store }) => {
      await insert(store, commandSession('1', { client: 'another' }))
      await expect(
        store.insert({ userId: 'alice', reuse: PLACE, countOpenOfUser: false }, () => ({
          replace: { session: commandSession('1', { data: '{}' }) },
        })),
      ).rejects.toThrow()
      await expect(store.get('1')).resolves.toMatchObject({ data: null })
    })

    it('throws on what decide throws, and writes nothing', async ({ store, recordChanges }) => {
      const changes = recordChanges()
      const refusal = new Error('refused')
      const attempt = store.insert({ userId: 'alice', countOpenOfUser: true }, () => {
        throw refusal
      })
      await expect(attempt).rejects.toBe(refusal)
      expect(changes).toEqual([])
      await expect(listIds(store)).resolves.toEqual([])
      await expect(insert(store, commandSession('1'))).resolves.toBeDefined()
    })

    it('counts the open sessions of the user, only where asked, and of all', async ({
      store,
      see,
    }) => {
      await insert(store, tokenSession('1'))
      await insert(store, commandSession('2'))
      await insert(store, ended(commandSession('3')))
      await insert(store, commandSession('4', { userId: 'bob' }))
      await insert(store, commandSession('5', { userId: 'alice2' }))
      expect(await see()).toEqual({ openOfUser: 2, openInAll: 4 })
      expect(await see({ countOpenOfUser: false })).toEqual({ openOfUser: 0, openInAll: 4 })
      await expect(store.countOpen()).resolves.toBe(4)
    })

    it('keeps its counts through every kind of change', async ({ store, see }) => {
      expect(await see()).toMatchObject({ openOfUser: 0, openInAll: 0 })
      await insert(store, commandSession('1'))
      await insert(store, commandSession('2'))
      await insert(store, commandSession('3'))
      expect(await see()).toMatchObject({ openOfUser: 3, openInAll: 3 })
      await store.update('1', (session) => ({ session: ended(session) }))
      await store.update('1', (session) => ({ session: { ...session, closeTimeMs: 1 } }))
      await store.remove('1', ALWAYS)
      await store.remove('2', ALWAYS)
      await store.update('3', (session) => ({ session: { ...session, requestTimeMs: 2000 } }))
      expect(await see()).toMatchObject({ openOfUser: 1, openInAll: 1 })
      await expect(store.countOpen()).resolves.toBe(1)
    })

    it('lets one insert at a time decide for a user', async ({ store }) => {
      const limit = 3
      const attempts = Array.from({ length: 10 }, (_, i) =>
        store.insert({ userId: 'alice', countOpenOfUser: true }, ({ openOfUser }) => {
          if (openOfUser >= limit) {
            throw new RangeError('enough')
          }
          return { insert: { session: commandSession(`${i}`) } }
        }),
      )
      const results = await Promise.allSettled(attempts)
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(limit)
      await expect(listIds(store)).resolves.toHaveLength(limit)
    })

    it('never opens more in all than decide allows, though the users differ', async ({ store }) => {
      const limit = 3
      const attempts = Array.from({ length: 10 }, (_, i) =>
        store.insert({ userId: `user ${i}`, countOpenOfUser: true }, ({ openInAll }) => {
          if (openInAll >= limit) {
            throw new RangeError('enough')
          }
          return { insert: { session: commandSession(`${i}`, { userId: `user ${i}` }) } }
        }),
      )
      const results = await Promise.allSettled(attempts)
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(limit)
      await expect(store.countOpen()).resolves.toBe(limit)
    })
  })
}

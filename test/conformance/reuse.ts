import { describe, expect } from 'vitest'
import type { Session } from '../../src/core/session.js'
import { commandSession, ended, insert, tokenSession } from '../support/store-sessions.js'
import { ALWAYS, PLACE, type StoreTest } from './given.js'

export function reuseTests(it: StoreTest): void {
  describe('sessions to reuse', () => {
    it.for<[string, Session, boolean]>([
      ['an open one of a command', commandSession('1'), true],
      ['a token session', tokenSession('1'), false],
      ['one that has ended', ended(commandSession('1')), false],
      ['one of another user', commandSession('1', { userId: 'bob' }), false],
      ['one from another address', commandSession('1', { address: '192.0.2.2' }), false],
      ['one of another client', commandSession('1', { client: 'phone' }), false],
      ['another split', commandSession('1', { address: '192.0.2', client: '.1browser' }), false],
    ])(
      'are found by user, address and client: %s',
      async ([_, session, isFound], { store, see }) => {
        await insert(store, session)
        const expected = isFound ? session : undefined
        expect((await see({ reuse: PLACE })).reusable).toEqual(expected)
        await expect(store.findOpened('alice', PLACE.address, PLACE.client)).resolves.toEqual(
          expected,
        )
        expect((await see()).reusable).toBeUndefined()
      },
    )

    it('are found by a client of 1,024 bytes', async ({ store }) => {
      const client = 'é'.repeat(512)
      await insert(store, commandSession('1', { client }))
      const found = await store.findOpened('alice', PLACE.address, client)
      expect(found).toEqual(commandSession('1', { client }))
    })

    it('are no more when they end or are deleted; of several the newest is taken', async ({
      store,
      see,
    }) => {
      await insert(store, commandSession('1', { openTimeMs: 1 }))
      await insert(store, commandSession('2', { openTimeMs: 3 }))
      await insert(store, commandSession('3', { openTimeMs: 2 }))
      expect((await see({ reuse: PLACE })).reusable?.id).toBe('2')
      await store.update('2', (session) => ({ session: ended(session) }))
      expect((await see({ reuse: PLACE })).reusable?.id).toBe('3')
      await store.remove('3', ALWAYS)
      expect((await see({ reuse: PLACE })).reusable?.id).toBe('1')
      await store.remove('1', ALWAYS)
      expect((await see({ reuse: PLACE })).reusable).toBeUndefined()
    })

    it('are found where they stand, whatever place the insert asked for', async ({ store }) => {
      await insert(store, commandSession('1'))
      const elsewhere = commandSession('2', { address: '192.0.2.2' })
      await insert(store, elsewhere, {}, { reuse: PLACE })
      const found = [PLACE.address, elsewhere.address].map((address) =>
        store.findOpened('alice', address, PLACE.client),
      )
      expect((await Promise.all(found)).map((session) => session?.id)).toEqual(['1', '2'])
      await store.remove('2', ALWAYS)
      expect(await store.findOpened('alice', elsewhere.address, PLACE.client)).toBeUndefined()
    })

    it('are opened once where two come at once', async ({ store }) => {
      const attempts = ['1', '2'].map((id) =>
        store.insert({ userId: 'alice', reuse: PLACE, countOpenOfUser: false }, (seen) =>
          seen.reusable
            ? { replace: { session: { ...seen.reusable, data: '"again"' } } }
            : { insert: { session: commandSession(id) } },
        ),
      )
      const [one, other] = await Promise.all(attempts)
      expect(one?.id).toBe(other?.id)
      await expect(store.countOpen()).resolves.toBe(1)
      await expect(store.get(one?.id ?? '')).resolves.toMatchObject({ data: '"again"' })
    })
  })
}

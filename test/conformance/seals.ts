import { describe, expect } from 'vitest'
import { commandSession, ended, insert, tokenSession } from '../support/store-sessions.js'
import { ALWAYS, SEAL, type StoreTest } from './given.js'

export function sealsTests(it: StoreTest): void {
  describe('seals', () => {
    it('are kept apart from sessions and events', async ({ store, recordChanges }) => {
      const changes = recordChanges()
      await insert(store, tokenSession('1'), { seal: SEAL })
      await expect(store.seal('1')).resolves.toEqual(SEAL)
      await expect(store.seal('2')).resolves.toBeUndefined()
      expect(changes).toEqual([{ before: null, after: tokenSession('1') }])
      await expect(store.get('1')).resolves.toEqual(tokenSession('1'))
    })

    it('stay while the session is open, and are gone when it ends', async ({ store }) => {
      await insert(store, tokenSession('1'), { seal: SEAL })
      await store.update('1', (session) => ({ session: { ...session, requestTimeMs: 2000 } }))
      await expect(store.seal('1')).resolves.toEqual(SEAL)
      await store.update('1', (session) => ({ session: ended(session) }))
      await expect(store.seal('1')).resolves.toBeUndefined()
    })

    it('are gone when the session is deleted', async ({ store }) => {
      await insert(store, tokenSession('1'), { seal: SEAL })
      await store.remove('1', ALWAYS)
      await expect(store.seal('1')).resolves.toBeUndefined()
    })

    it('are replaced by what is made of them, with the session at hand', async ({
      store,
      recordChanges,
    }) => {
      await insert(store, tokenSession('1'), { seal: SEAL })
      const changes = recordChanges()
      await store.reseal('1', (session, seal) => {
        expect([session, seal]).toEqual([tokenSession('1'), SEAL])
        return Uint8Array.of(8, 8)
      })
      await expect(store.seal('1')).resolves.toEqual(Uint8Array.of(8, 8))
      await expect(store.get('1')).resolves.toEqual(tokenSession('1'))
      expect(changes).toEqual([])
    })

    it('are left where that is asked, or the function throws', async ({ store }) => {
      await insert(store, tokenSession('1'), { seal: SEAL })
      const refusal = new Error('refused')
      await store.reseal('1', () => null)
      await expect(
        store.reseal('1', () => {
          throw refusal
        }),
      ).rejects.toBe(refusal)
      await expect(store.seal('1')).resolves.toEqual(SEAL)
    })

    it('are not made for a session that has none', async ({ store }) => {
      const change = () => expect.unreachable()
      await insert(store, commandSession('of a command'))
      await insert(store, tokenSession('ended'), { seal: SEAL })
      await store.update('ended', (session) => ({ session: ended(session) }))
      for (const id of ['of a command', 'ended', 'unknown']) {
        await store.reseal(id, change)
        await expect(store.seal(id)).resolves.toBeUndefined()
      }
    })

    it('do not come back where the session is about to end', async ({ store }) => {
      await insert(store, tokenSession('1'), { seal: SEAL })
      let resealed: Promise<void> | undefined
      await store.update('1', (session) => {
        // Begins when the end is decided but not committed.
        resealed = Promise.resolve().then(() => store.reseal('1', () => Uint8Array.of(8)))
        return { session: ended(session) }
      })
      await resealed
      await expect(store.seal('1')).resolves.toBeUndefined()
    })

    it('are not kept of a session that has ended', async ({ store }) => {
      await insert(store, ended(tokenSession('1')), { seal: SEAL })
      await expect(store.seal('1')).resolves.toBeUndefined()
    })
  })
}

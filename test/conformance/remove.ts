import { describe, expect } from 'vitest'
import { commandSession, insert, listIds, sessionDeadline } from '../support/store-sessions.js'
import { ALWAYS, type StoreTest } from './given.js'

export function removeTests(it: StoreTest): void {
  describe('remove', () => {
    it('deletes the session and all that leads to it, and returns what it was', async ({
      store,
      recordChanges,
    }) => {
      await insert(store, commandSession('1'))
      const changes = recordChanges()
      await expect(store.remove('1', ALWAYS)).resolves.toEqual(commandSession('1'))
      await expect(store.get('1')).resolves.toBeUndefined()
      await expect(listIds(store)).resolves.toEqual([])
      await expect(listIds(store, { userId: 'alice', active: true })).resolves.toEqual([])
      await expect(store.remove('1', ALWAYS)).resolves.toBeUndefined()
      expect(changes).toEqual([{ before: commandSession('1'), after: null }])
    })

    it('leaves it where the check disagrees or throws', async ({ store }) => {
      await insert(store, commandSession('1'))
      const refusal = new Error('refused')
      const refuse = () => {
        throw refusal
      }
      await expect(store.remove('1', () => false)).resolves.toBeUndefined()
      await expect(store.remove('1', refuse)).rejects.toBe(refusal)
      await expect(store.get('1')).resolves.toEqual(commandSession('1'))
    })

    it('settles what it is told, whatever the check says', async ({ store }) => {
      await insert(store, commandSession('1'), { sweepAtMs: 5000 })
      await store.remove('1', () => false, { settles: sessionDeadline(5000, '1') })
      await expect(store.due(6000, 10)).resolves.toEqual([])
    })
  })
}

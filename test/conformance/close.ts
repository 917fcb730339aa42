import { describe, expect } from 'vitest'
import { StoreUnavailableError } from '../../src/core/errors.js'
import type { SessionStore } from '../../src/core/store.js'
import { commandSession, insert, sessionDeadline } from '../support/store-sessions.js'
import { ALWAYS, all, KEY, type StoreTest } from './given.js'

export function closeTests(it: StoreTest): void {
  describe('close', () => {
    it('waits for the writes under way', async ({ store }) => {
      const committed: string[] = []
      store.subscribe(({ after }) => committed.push(after?.id ?? ''))
      const writes = ['1', '2', '3'].map((id) => insert(store, commandSession(id)))
      await store.close()
      expect(committed.toSorted()).toEqual(['1', '2', '3'])
      await expect(Promise.all(writes)).resolves.toHaveLength(3)
    })

    it('may be called again, at the same time and later', async ({ store }) => {
      await Promise.all([store.close(), store.close()])
      await store.close()
    })

    it.for<[string, (store: SessionStore) => Promise<unknown>]>([
      ['get', (closed) => closed.get('1')],
      ['findOpened', (closed) => closed.findOpened('alice', '', '')],
      ['seal', (closed) => closed.seal('1')],
      ['insert', (closed) => insert(closed, commandSession('1'))],
      ['update', (closed) => closed.update('1', () => null)],
      ['remove', (closed) => closed.remove('1', ALWAYS)],
      ['list', (closed) => closed.list({ skip: 0, take: 1, total: false })],
      ['due', (closed) => closed.due(1, 1)],
      ['settle', (closed) => closed.settle([sessionDeadline(1, '1')])],
      ['countOpen', (closed) => closed.countOpen()],
      ['reseal', (closed) => closed.reseal('1', () => null)],
      ['forget', (closed) => closed.forget(KEY, ALWAYS)],
      ['walkSeals', (closed) => all(closed.walkSeals())],
      ['walkSessions', (closed) => all(closed.walkSessions('alice'))],
      ['walkIdempotency', (closed) => all(closed.walkIdempotency(KEY.owner))],
      ['walkDeadlines', (closed) => all(closed.walkDeadlines())],
    ])('makes %s fail as unavailable from then on', async ([_, call], { store }) => {
      await store.close()
      await expect(call(store)).rejects.toThrow(StoreUnavailableError)
    })
  })
}

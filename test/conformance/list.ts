import { describe, expect } from 'vitest'
import type { ListQuery } from '../../src/core/store-lists.js'
import { ended, listIds } from '../support/store-sessions.js'
import { ALWAYS, type StoreTest } from './given.js'
import { ALL, fill, OF_BOB } from './listed.js'

export function listTests(it: StoreTest): void {
  describe('list', () => {
    it.for<[string, Partial<ListQuery>, string[]]>([
      ['all', {}, ALL],
      ['open', { active: true }, ['e', 'b', 'c', 'a', 'ä']],
      ['ended', { active: false }, ['d', 'é']],
      ['of a user', { userId: 'alice' }, ['e', 'd', 'b', 'c', 'é']],
      ['of a user, open', { userId: 'alice', active: true }, ['e', 'b', 'c']],
      ['of a user, ended', { userId: 'alice', active: false }, ['d', 'é']],
      ['of the user bob', { userId: 'bob' }, ['a']],
      ['of the user bo', { userId: 'bo' }, ['ä']],
      ['of nobody', { userId: '' }, []],
      ['from a time', { fromTimeMs: 3 }, ['e', 'd', 'b', 'c', 'é']],
      ['up to a time', { toTimeMs: 3 }, ['a', 'ä']],
      ['between', { fromTimeMs: 3, toTimeMs: 5, active: true }, ['b', 'c']],
      ['of a user between', { userId: 'alice', fromTimeMs: 3, toTimeMs: 4 }, ['b', 'c', 'é']],
      ['at no time', { fromTimeMs: 3, toTimeMs: 3 }, []],
      ['in a range inside out', { fromTimeMs: 5, toTimeMs: 1 }, []],
      ['between fractions', { fromTimeMs: 3.5, toTimeMs: 4.5 }, ['d']],
      ['beyond all time', { fromTimeMs: -1, toTimeMs: 2 ** 60 }, ALL],
      ['of all time', { fromTimeMs: -Infinity, toTimeMs: Infinity }, ALL],
      ['the first page', { take: 3 }, ['e', 'd', 'b']],
      ['the second page', { skip: 3, take: 3 }, ['c', 'é', 'a']],
      ['the last page', { skip: 6, take: 3 }, ['ä']],
      ['beyond the last page', { skip: 9, take: 3 }, []],
      ['nothing', { take: 0 }, []],
      ['a page of the ended', { active: false, skip: 1, take: 5 }, ['é']],
    ])(
      'gives the sessions that are asked for, newest request first: %s',
      async ([_, query, expected], { store }) => {
        await fill(store)
        await expect(listIds(store, query)).resolves.toEqual(expected)
      },
    )

    it('returns whole sessions', async ({ store }) => {
      await fill(store)
      const page = await store.list({ userId: 'bob', skip: 0, take: 10, total: false })
      expect(page).toEqual({ sessions: [OF_BOB], total: null })
    })

    it.for<[Partial<ListQuery>, number]>([
      [{}, 7],
      [{ active: true }, 5],
      [{ active: false }, 2],
      [{ userId: 'alice', fromTimeMs: 3, toTimeMs: 4 }, 3],
      [{ userId: 'nobody' }, 0],
    ])('counts all that match, not only the page: %o', async ([query, total], { store }) => {
      await fill(store)
      const page = await store.list({ ...query, skip: 1, take: 1, total: true })
      expect(page.total).toBe(total)
      expect(page.sessions.length).toBe(total > 1 ? 1 : 0)
    })

    it('follows each change', async ({ store }) => {
      await fill(store)
      await store.update('a', (session) => ({ session: { ...session, requestTimeMs: 6 } }))
      await store.update('b', (session) => ({ session: ended(session) }))
      await store.remove('e', ALWAYS)
      await expect(listIds(store)).resolves.toEqual(['a', 'd', 'b', 'c', 'é', 'ä'])
      await expect(listIds(store, { active: true })).resolves.toEqual(['a', 'c', 'ä'])
      await expect(listIds(store, { userId: 'bob' })).resolves.toEqual(['a'])
      await expect(listIds(store, { userId: 'alice', active: false })).resolves.toEqual([
        'd',
        'b',
        'é',
      ])
    })
  })
}

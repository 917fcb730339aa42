import { describe, expect } from 'vitest'
import type { SessionStore } from '../../src/core/store.js'
import type { AfterQuery, ListPlace } from '../../src/core/store-lists.js'
import { commandSession, insert } from '../support/store-sessions.js'
import type { StoreTest } from './given.js'
import { ALL, fill, OF_BOB } from './listed.js'

export function listAfterTests(it: StoreTest): void {
  describe('list after a place', () => {
    const ask = (store: SessionStore, query: Partial<AfterQuery> = {}) =>
      store.listAfter({ after: null, oldestFirst: false, limit: 10, ...query })
    const at = (id: string, requestTimeMs: number): ListPlace => ({ id, requestTimeMs })

    it.for<[string, Partial<AfterQuery>, string[]]>([
      ['all, from the first on', {}, ALL],
      ['behind one of several at its time', { after: at('b', 3) }, ['c', 'é', 'a', 'ä']],
      ['behind the last at its time', { after: at('é', 3) }, ['a', 'ä']],
      ['behind a place where no session stands', { after: at('bb', 3) }, ['c', 'é', 'a', 'ä']],
      ['behind the last', { after: at('ä', 1) }, []],
      ['open ones', { active: true, after: at('d', 4) }, ['b', 'c', 'a', 'ä']],
      ['ended ones', { active: false, after: at('e', 5) }, ['d', 'é']],
      ['of a user', { userId: 'alice', after: at('b', 3) }, ['c', 'é']],
      ['of a user, ended', { userId: 'alice', active: false, after: at('d', 4) }, ['é']],
      ['of the user bo', { userId: 'bo' }, ['ä']],
      ['of nobody', { userId: '' }, []],
      ['all, from the oldest on', { oldestFirst: true }, ALL.toReversed()],
      [
        'the other way, before one of several at its time',
        { oldestFirst: true, after: at('c', 3) },
        ['b', 'd', 'e'],
      ],
      [
        'the other way, before a place where no session stands',
        { oldestFirst: true, after: at('bb', 3) },
        ['b', 'd', 'e'],
      ],
      ['the other way, before the first', { oldestFirst: true, after: at('e', 5) }, []],
      [
        'of a user, the other way',
        { oldestFirst: true, userId: 'alice', after: at('é', 3) },
        ['c', 'b', 'd', 'e'],
      ],
    ])('gives the nearest first: %s', async ([_, query, expected], { store }) => {
      await fill(store)
      const { sessions: found, next } = await ask(store, query)
      expect(found.map(({ id }) => id)).toEqual(expected)
      expect(next).toBeNull()
    })

    it('returns whole sessions', async ({ store }) => {
      await fill(store)
      expect(await ask(store, { userId: 'bob' })).toEqual({ sessions: [OF_BOB], next: null })
    })

    it.for<[oldestFirst: boolean, limit: number]>([
      [false, 1],
      [false, 3],
      [true, 1],
      [true, 2],
    ])(
      'goes on where it stopped, until there are no more: oldest first %s, by %i',
      async ([oldestFirst, limit], { store }) => {
        await fill(store)
        const ids: string[] = []
        let after: ListPlace | null = null
        do {
          const part = await ask(store, { after, oldestFirst, limit })
          expect(part.sessions.length).toBeLessThanOrEqual(limit)
          ids.push(...part.sessions.map(({ id }) => id))
          after = part.next
        } while (after !== null)
        expect(ids).toEqual(oldestFirst ? ALL.toReversed() : ALL)
      },
    )

    it('goes on behind a session that is gone', async ({ store }) => {
      await fill(store)
      const { next } = await ask(store, { limit: 3 })
      expect(next).toEqual(at('b', 3))
      await store.remove('b', () => true)
      const { sessions: rest } = await ask(store, { after: next })
      expect(rest.map(({ id }) => id)).toEqual(['c', 'é', 'a', 'ä'])
    })

    it('goes through many, each once', async ({ store }) => {
      const many = Array.from({ length: 300 }, (_, i) =>
        commandSession(`${i}`.padStart(3, '0'), { requestTimeMs: i % 7, userId: `user ${i % 20}` }),
      )
      await Promise.all(many.map((session) => insert(store, session)))
      const { sessions: listed } = await store.list({ skip: 0, take: 300, total: false })
      const walked: string[] = []
      for (let after: ListPlace | null | undefined; after !== null; ) {
        const part = await ask(store, { after: after ?? null, limit: 70 })
        walked.push(...part.sessions.map(({ id }) => id))
        after = part.next
      }
      expect(walked).toEqual(listed.map(({ id }) => id))
    })
  })
}

import { describe, expect } from 'vitest'
import { StoreUnavailableError } from '../../src/core/errors.js'
import type { Session } from '../../src/core/session.js'
import {
  commandSession,
  ended,
  insert,
  listIds,
  sessionDeadline,
  tokenSession,
} from '../support/store-sessions.js'
import {
  ALWAYS,
  all,
  BODY,
  BODY_UNTIL_200,
  bytes,
  KEY,
  KEYED,
  keyedSession,
  SEAL,
  type StoreTest,
} from './given.js'

export function walksTests(it: StoreTest): void {
  describe('walks', () => {
    const OTHER = { ...KEY, owner: bytes(1, 2) }
    const MANY = Array.from({ length: 250 }, (_, i) => `${i}`.padStart(3, '0'))

    it('show the ids of sessions that have a seal', async ({ store }) => {
      await insert(store, tokenSession('b'), { seal: SEAL })
      await insert(store, tokenSession('a'), { seal: SEAL })
      await insert(store, commandSession('c'))
      await store.update('a', (session) => ({ session: ended(session) }))
      await expect(all(store.walkSeals())).resolves.toEqual(['b'])
    })

    it('show the seal of an insert that had decided, though it was not committed', async ({
      store,
    }) => {
      let walked: Promise<string[]> | undefined
      await store.insert({ userId: 'alice', countOpenOfUser: false }, () => {
        walked = Promise.resolve().then(() => all(store.walkSeals()))
        return { insert: { session: tokenSession('1'), seal: SEAL } }
      })
      await expect(walked).resolves.toEqual(['1'])
    })

    it('show the sessions of a user, those that have ended first', async ({ store }) => {
      const own = [
        ended(commandSession('1', { requestTimeMs: 1 })),
        commandSession('2', { requestTimeMs: 3, data: '{}' }),
        tokenSession('3', { requestTimeMs: 2 }),
      ]
      for (const session of [...own, ...['bob', 'alic', 'alice2', ''].map(ofUser)]) {
        await insert(store, session)
      }
      await expect(all(store.walkSessions('alice'))).resolves.toEqual(own)
      await expect(all(store.walkSessions('alice', false))).resolves.toEqual(own.slice(0, 1))
      await expect(all(store.walkSessions('alice', true))).resolves.toEqual(own.slice(1))
      await expect(all(store.walkSessions('nobody'))).resolves.toEqual([])
    })

    it('show what is remembered of the keys of an owner', async ({ store }) => {
      const second = { ...KEY, key: 'second' }
      for (const [id, scope] of [
        ['1', KEY],
        ['2', second],
        ['3', OTHER],
        ['4', { ...KEY, owner: bytes() }],
      ] as const) {
        const session = keyedSession(id, scope.owner)
        await insert(store, session, { idempotency: BODY }, { idempotency: scope })
      }
      const { expiresTimeMs } = BODY
      const entries = await all(store.walkIdempotency(KEY.owner))
      expect(entries.toSorted((a, b) => a.sessionId.localeCompare(b.sessionId))).toEqual([
        { scope: KEY, sessionId: '1', expiresTimeMs },
        { scope: second, sessionId: '2', expiresTimeMs },
      ])
      await expect(all(store.walkIdempotency(bytes(9)))).resolves.toEqual([])
    })

    it('show all deadlines, earliest first, and settle none', async ({ store }) => {
      await insert(store, commandSession('1'), { sweepAtMs: Number.MAX_SAFE_INTEGER })
      await insert(store, commandSession('2'), { sweepAtMs: 100 })
      await insert(store, keyedSession('3'), { idempotency: BODY_UNTIL_200 }, KEYED)
      const deadlines = [
        sessionDeadline(100, '2'),
        { kind: 'idempotency', timeMs: 200, scope: KEY },
        sessionDeadline(Number.MAX_SAFE_INTEGER, '1'),
      ]
      await expect(all(store.walkDeadlines())).resolves.toEqual(deadlines)
      await expect(store.due(Infinity, 10)).resolves.toEqual(deadlines)
    })

    it('show the deadlines of the sessions of one user, perhaps with others', async ({ store }) => {
      await insert(store, commandSession('1'), { sweepAtMs: 100 })
      await insert(store, commandSession('2', { userId: 'bob' }), { sweepAtMs: 50 })
      const found = (await all(store.walkDeadlines('alice'))).flat()
      expect(found).toContainEqual(sessionDeadline(100, '1'))
    })

    it('go through many, each once, while they are changed', async ({ store }) => {
      await Promise.all(
        MANY.map((id, i) =>
          insert(store, tokenSession(id), { seal: SEAL, sweepAtMs: i }, { countOpenOfUser: false }),
        ),
      )
      const seen: string[] = []
      for await (const sessions of store.walkSessions('alice')) {
        for (const { id } of sessions) {
          seen.push(id)
          await store.update(id, (session) => ({
            // Which is where the walk has yet to go.
            session: { ...session, requestTimeMs: session.requestTimeMs - 1 },
          }))
        }
        await Promise.all(sessions.slice(10).map(({ id }) => store.remove(id, ALWAYS)))
      }
      expect(seen.toSorted()).toEqual(MANY)
      const left = (await listIds(store, { userId: 'alice' })).toSorted()
      expect((await all(store.walkSeals())).toSorted()).toEqual(left)
      await expect(all(store.walkDeadlines())).resolves.toHaveLength(MANY.length)
    })

    it('end with an error where the store is closed meanwhile', async ({ store }) => {
      await Promise.all(MANY.map((id) => insert(store, tokenSession(id), { seal: SEAL })))
      const walk = store.walkSessions('alice')[Symbol.asyncIterator]()
      await walk.next()
      await store.close()
      await expect(
        (async () => {
          while (!(await walk.next()).done) {}
        })(),
      ).rejects.toThrow(StoreUnavailableError)
    })
  })
}

function ofUser(userId: string, i: number): Session {
  return commandSession(`of another ${i}`, { userId })
}

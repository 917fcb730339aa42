import { describe, expect } from 'vitest'
import type { Session } from '../../src/core/session.js'
import { commandSession, ended, insert, sessionDeadline } from '../support/store-sessions.js'
import { ALWAYS, PLACE, type StoreTest } from './given.js'

export function updateTests(it: StoreTest): void {
  describe('update', () => {
    it('changes the session, and returns it', async ({ store }) => {
      await insert(store, commandSession('1'))
      const changed = commandSession('1', { requestTimeMs: 2000, userName: 'A.', data: '1' })
      await expect(store.update('1', () => ({ session: changed }))).resolves.toEqual(changed)
      await expect(store.get('1')).resolves.toEqual(changed)
    })

    it('is seen by every read that begins after it, however lately the session was read', async ({
      store,
    }) => {
      const first = commandSession('1', { data: '0' })
      await insert(store, first)
      const seen = async () => [
        await store.get('1'),
        (await store.list({ skip: 0, take: 1, total: false })).sessions[0],
      ]
      expect(await seen()).toEqual([first, first])
      // At the same time as before, so that its place in the lists stays.
      for (const data of ['1', '2']) {
        const next = commandSession('1', { data })
        await store.update('1', () => ({ session: next }))
        expect(await seen()).toEqual([next, next])
      }
      const last = ended(first)
      await store.update('1', () => ({ session: last }))
      expect(await seen()).toEqual([last, last])
      await store.remove('1', ALWAYS)
      expect(await seen()).toEqual([undefined, undefined])
    })

    it('is seen by reads of the same moment as it was before or as it is after', async ({
      store,
    }) => {
      await insert(store, commandSession('1', { data: '0' }))
      const found = new Set<string | null | undefined>()
      for (let n = 1; n <= 20; n++) {
        const updating = store.update('1', (now) => ({ session: { ...now, data: `${n}` } }))
        const reads = await Promise.all([
          store.get('1').then((session) => session?.data),
          store.list({ skip: 0, take: 1, total: false }).then(({ sessions }) => sessions[0]?.data),
        ])
        expect([`${n - 1}`, `${n}`]).toEqual(expect.arrayContaining(reads))
        await updating
        found.add((await store.get('1'))?.data)
      }
      expect(found.size).toBe(20)
    })

    it('leaves the session as it is where the function returns null', async ({
      store,
      recordChanges,
    }) => {
      await insert(store, commandSession('1'))
      const changes = recordChanges()
      await expect(store.update('1', () => null)).resolves.toEqual(commandSession('1'))
      expect(changes).toEqual([])
    })

    it('knows no session of another id', async ({ store }) => {
      await insert(store, commandSession('1'))
      const change = () => expect.unreachable()
      await expect(store.update('', change)).resolves.toBeUndefined()
      await expect(store.update('11', change)).resolves.toBeUndefined()
    })

    it('throws on what the function throws, and writes nothing', async ({ store }) => {
      await insert(store, commandSession('1'), { sweepAtMs: 5000 })
      const refusal = new Error('refused')
      const attempt = store.update(
        '1',
        () => {
          throw refusal
        },
        { settles: sessionDeadline(5000, '1') },
      )
      await expect(attempt).rejects.toBe(refusal)
      await expect(store.get('1')).resolves.toEqual(commandSession('1'))
      await expect(store.due(6000, 10)).resolves.toHaveLength(1)
      await expect(store.update('1', () => null)).resolves.toBeDefined()
    })

    it.for([undefined, true, false])(
      'loses none of many that come at once (durable: %s)',
      async (durable, { store }) => {
        await insert(store, commandSession('1', { requestTimeMs: 0 }))
        const updates = Array.from({ length: 20 }, () =>
          store.update(
            '1',
            (current) => ({
              session: { ...current, requestTimeMs: current.requestTimeMs + 1 },
            }),
            durable === undefined ? {} : { durable },
          ),
        )
        await Promise.all(updates)
        await expect(store.get('1')).resolves.toMatchObject({ requestTimeMs: 20 })
      },
    )

    it('loses none where the session is reused at the same time', async ({ store }) => {
      await insert(store, commandSession('1', { requestTimeMs: 0 }))
      const later = (current: Session) => ({
        session: { ...current, requestTimeMs: current.requestTimeMs + 1 },
      })
      const reuse = () =>
        store.insert({ userId: 'alice', reuse: PLACE, countOpenOfUser: false }, (seen) => ({
          replace: later(seen.reusable as Session),
        }))
      await Promise.all(
        Array.from({ length: 20 }, (_, i) => (i % 4 ? store.update('1', later) : reuse())),
      )
      await expect(store.get('1')).resolves.toMatchObject({ requestTimeMs: 20 })
    })

    it('takes each that ends at the same time from those that a command would find', async ({
      store,
    }) => {
      for (const [id, openTimeMs] of [
        ['oldest', 1] as const,
        ['1', 2] as const,
        ['2', 3] as const,
      ]) {
        await insert(store, commandSession(id, { openTimeMs }))
      }
      const end = (id: string) => store.update(id, (session) => ({ session: ended(session) }))
      await Promise.all(['1', '2'].map(end))
      const { address, client } = PLACE
      await expect(store.findOpened('alice', address, client)).resolves.toMatchObject({
        id: 'oldest',
      })
    })

    it('settles what it is told, whatever it decides', async ({ store }) => {
      await insert(store, commandSession('1'), { sweepAtMs: 5000 })
      await store.update('1', () => null, { settles: sessionDeadline(5000, '1') })
      await expect(store.due(6000, 10)).resolves.toEqual([])

      const again = { session: commandSession('1'), sweepAtMs: 5500 }
      await store.update('1', () => again)
      await store.update('1', () => again, { settles: sessionDeadline(5500, '1') })
      await expect(store.due(6000, 10)).resolves.toEqual([sessionDeadline(5500, '1')])

      await store.remove('1', ALWAYS)
      await store.update('1', () => null, { settles: sessionDeadline(5500, '1') })
      await expect(store.due(6000, 10)).resolves.toEqual([])
    })
  })
}

import { describe, expect } from 'vitest'
import type { Session } from '../../src/core/session.js'
import type { IdempotencyScope, SessionStore } from '../../src/core/store.js'
import { ended, insert, listIds, sessionDeadline } from '../support/store-sessions.js'
import { ALWAYS, BODY, bytes, KEY, KEYED_USER, keyedSession, type StoreTest } from './given.js'

export function idempotencyTests(it: StoreTest): void {
  describe('idempotency keys', () => {
    it('are answered with the session, as it is now', async ({ store, see }) => {
      await insert(store, keyedSession('1'), { idempotency: BODY }, { idempotency: KEY })
      await store.update('1', (session) => ({ session: { ...session, requestTimeMs: 1500 } }))
      expect((await see({ idempotency: KEY })).idempotency).toEqual({
        bodySha256: BODY.bodySha256,
        sessionId: '1',
        session: { ...keyedSession('1'), requestTimeMs: 1500 },
      })
    })

    it('are still answered where the session ended or was deleted', async ({ store, see }) => {
      await insert(store, keyedSession('1'), { idempotency: BODY }, { idempotency: KEY })
      await store.update('1', (session) => ({ session: ended(session) }))
      expect((await see({ idempotency: KEY })).idempotency?.session?.active).toBe(false)
      await store.remove('1', ALWAYS)
      expect((await see({ idempotency: KEY })).idempotency).toEqual({
        bodySha256: BODY.bodySha256,
        sessionId: '1',
      })
    })

    it.for<[string, IdempotencyScope]>([
      ['owner', { ...KEY, owner: Uint8Array.of(3) }],
      ['signer', { ...KEY, signer: Uint8Array.of(3) }],
      ['key', { ...KEY, key: 'second try' }],
      ['end of the key', { ...KEY, key: 'first try ' }],
      ['border of owner and signer', { ...KEY, owner: bytes(1, 2), signer: bytes() }],
      ['border of signer and key', { ...KEY, signer: bytes(2, 0x66), key: 'irst try' }],
      ['border of owner and signer, moved back', { ...KEY, owner: bytes(), signer: bytes(1, 2) }],
    ])('mean nothing for another %s', async ([_, other], { store, see }) => {
      await insert(store, keyedSession('1'), { idempotency: BODY }, { idempotency: KEY })
      expect((await see({ idempotency: other })).idempotency).toBeUndefined()
      expect((await see({ idempotency: KEY })).idempotency).toBeDefined()
      expect((await see()).idempotency).toBeUndefined()
    })

    it('open one session where two come at once', async ({ store }) => {
      const attempts = ['1', '2', '3'].map((id) =>
        store.insert({ userId: KEYED_USER, idempotency: KEY, countOpenOfUser: false }, (seen) =>
          seen.idempotency?.session
            ? { keep: seen.idempotency.session }
            : { insert: { session: keyedSession(id), idempotency: BODY } },
        ),
      )
      const ids = new Set((await Promise.all(attempts)).map(({ id }) => id))
      expect(ids.size).toBe(1)
      await expect(listIds(store)).resolves.toEqual([...ids])
    })

    it('are forgotten when their deadline is settled', async ({ store, see }) => {
      await insert(store, keyedSession('1'), { idempotency: BODY }, { idempotency: KEY })
      const due = await store.due(5001, 10)
      expect(due).toEqual([{ kind: 'idempotency', timeMs: 5000, scope: KEY }])
      await store.settle(due)
      expect((await see({ idempotency: KEY })).idempotency).toBeUndefined()
      await expect(store.due(5001, 10)).resolves.toEqual([])
      await expect(store.get('1')).resolves.toBeDefined()
    })

    it('outlive the deadline of an earlier use', async ({ store, see }) => {
      const again = { ...BODY, expiresTimeMs: 7000 }
      await insert(store, keyedSession('1'), { idempotency: BODY }, { idempotency: KEY })
      await insert(store, keyedSession('2'), { idempotency: again }, { idempotency: KEY })
      await store.settle(await store.due(6000, 10))
      expect((await see({ idempotency: KEY })).idempotency?.sessionId).toBe('2')
      await store.settle(await store.due(8000, 10))
      expect((await see({ idempotency: KEY })).idempotency).toBeUndefined()
    })
  })

  describe('an idempotency key that expires when its session is due', () => {
    const AT_END = { sweepAtMs: BODY.expiresTimeMs, idempotency: BODY }
    const keyed = { idempotency: KEY }

    async function settleDue(store: SessionStore, timeMs: number): Promise<void> {
      await store.settle(await store.due(timeMs, 10))
    }

    it('is forgotten once all that is due is settled', async ({ store, see }) => {
      await insert(store, keyedSession('1'), AT_END, keyed)
      await settleDue(store, 5000)
      expect((await see(keyed)).idempotency?.sessionId).toBe('1')
      await settleDue(store, 5001)
      expect((await see(keyed)).idempotency).toBeUndefined()
      await expect(store.due(9000, 10)).resolves.toEqual([])
      await expect(store.get('1')).resolves.toBeDefined()
    })

    it.for<[string, (session: Session) => Session]>([
      ['ends', ended],
      ['does not', (session) => session],
    ])(
      'is forgotten by what settles them, whether the session %s',
      async ([, change], { store, see }) => {
        await insert(store, keyedSession('1'), AT_END, keyed)
        for (const deadline of await store.due(5001, 10)) {
          const next = (session: Session) => ({ session: change(session), sweepAtMs: 8000 })
          await (deadline.kind === 'session'
            ? store.update('1', next, { settles: deadline })
            : store.settle([deadline]))
        }
        expect((await see(keyed)).idempotency).toBeUndefined()
        await expect(store.due(9000, 10)).resolves.toEqual([sessionDeadline(8000, '1')])
      },
    )

    it('is kept until then where the session ends, is armed for then again, or is deleted', async ({
      store,
      see,
    }) => {
      await insert(store, keyedSession('1'), AT_END, keyed)
      await store.update('1', (session) => ({ session: ended(session), sweepAtMs: 5000 }))
      await store.update('1', (session) => ({ session, sweepAtMs: 4000 }))
      await store.settle([sessionDeadline(4000, '1')])
      await store.remove('1', ALWAYS)
      expect((await see(keyed)).idempotency).toEqual({
        bodySha256: BODY.bodySha256,
        sessionId: '1',
      })
      await settleDue(store, 5001)
      expect((await see(keyed)).idempotency).toBeUndefined()
    })

    it('is kept where it was used again and expires later', async ({ store, see }) => {
      const again = { ...BODY, expiresTimeMs: 7000 }
      await insert(store, keyedSession('1'), AT_END, keyed)
      await insert(store, keyedSession('2'), { sweepAtMs: 7000, idempotency: again }, keyed)
      await settleDue(store, 6000)
      expect((await see(keyed)).idempotency?.sessionId).toBe('2')
      await settleDue(store, 8000)
      expect((await see(keyed)).idempotency).toBeUndefined()
    })

    it('leaves the deadline of the session where it is forgotten', async ({ store }) => {
      await insert(store, keyedSession('1'), AT_END, keyed)
      await expect(store.forget(KEY, ALWAYS)).resolves.toBe(true)
      await expect(store.due(9000, 10)).resolves.toEqual([sessionDeadline(5000, '1')])
    })
  })

  describe('forgetting an idempotency key', () => {
    const keyed = { idempotency: KEY }

    it('takes its deadline with it', async ({ store, see }) => {
      await insert(store, keyedSession('1'), { idempotency: BODY }, keyed)
      await store.remove('1', ALWAYS)
      await expect(
        store.forget(KEY, (answered) => {
          expect(answered).toEqual({ bodySha256: BODY.bodySha256, sessionId: '1' })
          return true
        }),
      ).resolves.toBe(true)
      expect((await see(keyed)).idempotency).toBeUndefined()
      await expect(store.due(9000, 10)).resolves.toEqual([])
      await expect(store.forget(KEY, () => expect.unreachable())).resolves.toBe(false)
    })

    it('is left where the check disagrees or throws; it sees the session', async ({
      store,
      see,
    }) => {
      await insert(store, keyedSession('1'), { idempotency: BODY }, keyed)
      const refusal = new Error('refused')
      await expect(store.forget(KEY, ({ session }) => session === undefined)).resolves.toBe(false)
      await expect(
        store.forget(KEY, () => {
          throw refusal
        }),
      ).rejects.toBe(refusal)
      expect((await see(keyed)).idempotency?.sessionId).toBe('1')
      await expect(store.due(9000, 10)).resolves.toHaveLength(1)
    })

    it('never parts a session from its key where that is about to be used anew', async ({
      store,
      see,
    }) => {
      await insert(store, keyedSession('1'), { idempotency: BODY }, keyed)
      await store.remove('1', ALWAYS)
      let forgotten: Promise<boolean> | undefined
      await store.insert({ userId: KEYED_USER, countOpenOfUser: false, ...keyed }, () => {
        forgotten = Promise.resolve().then(() =>
          store.forget(KEY, ({ session }) => session === undefined),
        )
        return { insert: { session: keyedSession('2'), idempotency: BODY } }
      })
      await expect(forgotten).resolves.toBe(false)
      expect((await see(keyed)).idempotency?.sessionId).toBe('2')
    })
  })
}

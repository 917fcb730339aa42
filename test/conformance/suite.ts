import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { StoreUnavailableError } from '../../src/core/errors.js'
import type { SessionChange } from '../../src/core/events.js'
import type { Session } from '../../src/core/session.js'
import type { IdempotencyScope, InsertScope, Seen, SessionStore } from '../../src/core/store.js'
import {
  commandSession,
  ended,
  insert,
  listIds,
  sessionDeadline,
  tokenSession,
} from '../support/store-sessions.js'

export interface StoreHarness {
  readonly store: SessionStore
  /** Closes the store and removes what it kept. */
  dispose(): Promise<void>
}

const ALWAYS = () => true
const SEAL = Uint8Array.of(9, 9, 9)
const KEY: IdempotencyScope = {
  owner: Uint8Array.of(1),
  signer: Uint8Array.of(2),
  key: 'first try',
}
const BODY = { bodySha256: new Uint8Array(32).fill(4), expiresTimeMs: 5000 }

/** Holds a store to every promise of `SessionStore`. Each test gets an empty one. */
export function storeConformance(name: string, makeHarness: () => Promise<StoreHarness>): void {
  describe(name, () => {
    let store: SessionStore
    let dispose: () => Promise<void>

    beforeEach(async () => {
      const harness = await makeHarness()
      store = harness.store
      dispose = () => harness.dispose()
    })
    afterEach(() => dispose())

    /** What `insert` shows for a scope; changes nothing. */
    async function look(scope: Partial<InsertScope> = {}): Promise<Seen> {
      let seen: Seen | undefined
      await store.insert({ userId: 'alice', countOpenOfUser: true, ...scope }, (now) => {
        seen = now
        return { keep: commandSession('unused') }
      })
      return seen as Seen
    }

    function recordChanges(): SessionChange[] {
      const changes: SessionChange[] = []
      store.subscribe((change) => changes.push(change))
      return changes
    }

    describe('insert', () => {
      it.each([
        ['a command', commandSession('1', { data: '{"a":[1,2]}' })],
        ['Create', tokenSession('1')],
        ['an import, ended', ended(commandSession('an id of any text, ✓'))],
        ['a user without a name', commandSession('1', { userId: '', userName: '', user: null })],
      ])('keeps every field of a session opened by %s', async (_, session) => {
        await expect(insert(store, session)).resolves.toEqual(session)
        await expect(store.get(session.id)).resolves.toEqual(session)
      })

      it('keeps neither user nor data of a session that has ended', async () => {
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

      it('keeps copies: what it was given may lie in a buffer that is used again', async () => {
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

      it('writes nothing for keep, and returns what it was given', async () => {
        const kept = commandSession('kept')
        const changes = recordChanges()
        await expect(
          store.insert({ userId: 'alice', countOpenOfUser: false }, () => ({ keep: kept })),
        ).resolves.toEqual(kept)
        await expect(store.get('kept')).resolves.toBeUndefined()
        expect(changes).toEqual([])
      })

      it('replaces the session to reuse', async () => {
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

      it('refuses to replace any other session', async () => {
        await insert(store, commandSession('1', { client: 'another' }))
        await expect(
          store.insert({ userId: 'alice', reuse: PLACE, countOpenOfUser: false }, () => ({
            replace: { session: commandSession('1', { data: '{}' }) },
          })),
        ).rejects.toThrow()
        await expect(store.get('1')).resolves.toMatchObject({ data: null })
      })

      it('throws on what decide throws, and writes nothing', async () => {
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

      it('counts the open sessions of the user, only where asked, and of all', async () => {
        await insert(store, tokenSession('1'))
        await insert(store, commandSession('2'))
        await insert(store, ended(commandSession('3')))
        await insert(store, commandSession('4', { userId: 'bob' }))
        await insert(store, commandSession('5', { userId: 'alice2' }))
        expect(await look()).toEqual({ openOfUser: 2, openInAll: 4 })
        expect(await look({ countOpenOfUser: false })).toEqual({ openOfUser: 0, openInAll: 4 })
        await expect(store.countOpen()).resolves.toBe(4)
      })

      it('keeps its counts through every kind of change', async () => {
        expect(await look()).toMatchObject({ openOfUser: 0, openInAll: 0 })
        await insert(store, commandSession('1'))
        await insert(store, commandSession('2'))
        await insert(store, commandSession('3'))
        expect(await look()).toMatchObject({ openOfUser: 3, openInAll: 3 })
        await store.update('1', (session) => ({ session: ended(session) }))
        await store.update('1', (session) => ({ session: { ...session, closeTimeMs: 1 } }))
        await store.remove('1', ALWAYS)
        await store.remove('2', ALWAYS)
        await store.update('3', (session) => ({ session: { ...session, requestTimeMs: 2000 } }))
        expect(await look()).toMatchObject({ openOfUser: 1, openInAll: 1 })
        await expect(store.countOpen()).resolves.toBe(1)
      })

      it('lets one insert at a time decide for a user', async () => {
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

      it('never opens more in all than decide allows, though the users differ', async () => {
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

    describe('idempotency keys', () => {
      it('are answered with the session, as it is now', async () => {
        await insert(store, tokenSession('1'), { idempotency: BODY }, { idempotency: KEY })
        await store.update('1', (session) => ({ session: { ...session, requestTimeMs: 1500 } }))
        expect((await look({ idempotency: KEY })).idempotency).toEqual({
          bodySha256: BODY.bodySha256,
          sessionId: '1',
          session: tokenSession('1', { requestTimeMs: 1500 }),
        })
      })

      it('are still answered where the session ended or was deleted', async () => {
        await insert(store, tokenSession('1'), { idempotency: BODY }, { idempotency: KEY })
        await store.update('1', (session) => ({ session: ended(session) }))
        expect((await look({ idempotency: KEY })).idempotency?.session?.active).toBe(false)
        await store.remove('1', ALWAYS)
        expect((await look({ idempotency: KEY })).idempotency).toEqual({
          bodySha256: BODY.bodySha256,
          sessionId: '1',
        })
      })

      it.each<[string, IdempotencyScope]>([
        ['owner', { ...KEY, owner: Uint8Array.of(3) }],
        ['signer', { ...KEY, signer: Uint8Array.of(3) }],
        ['key', { ...KEY, key: 'second try' }],
        ['end of the key', { ...KEY, key: 'first try ' }],
        ['border of owner and signer', { ...KEY, owner: bytes(1, 2), signer: bytes() }],
        ['border of signer and key', { ...KEY, signer: bytes(2, 0x66), key: 'irst try' }],
        ['border of owner and signer, moved back', { ...KEY, owner: bytes(), signer: bytes(1, 2) }],
      ])('mean nothing for another %s', async (_, other) => {
        await insert(store, tokenSession('1'), { idempotency: BODY }, { idempotency: KEY })
        expect((await look({ idempotency: other })).idempotency).toBeUndefined()
        expect((await look({ idempotency: KEY })).idempotency).toBeDefined()
        expect((await look()).idempotency).toBeUndefined()
      })

      it('open one session where two come at once', async () => {
        const attempts = ['1', '2', '3'].map((id) =>
          store.insert({ userId: 'alice', idempotency: KEY, countOpenOfUser: false }, (seen) =>
            seen.idempotency?.session
              ? { keep: seen.idempotency.session }
              : { insert: { session: tokenSession(id), idempotency: BODY } },
          ),
        )
        const ids = new Set((await Promise.all(attempts)).map(({ id }) => id))
        expect(ids.size).toBe(1)
        await expect(listIds(store)).resolves.toEqual([...ids])
      })

      it('are forgotten when their deadline is settled', async () => {
        await insert(store, tokenSession('1'), { idempotency: BODY }, { idempotency: KEY })
        const due = await store.due(5001, 10)
        expect(due).toEqual([{ kind: 'idempotency', timeMs: 5000, scope: KEY }])
        await store.settle(due)
        expect((await look({ idempotency: KEY })).idempotency).toBeUndefined()
        await expect(store.due(5001, 10)).resolves.toEqual([])
        await expect(store.get('1')).resolves.toBeDefined()
      })

      it('outlive the deadline of an earlier use', async () => {
        const again = { ...BODY, expiresTimeMs: 7000 }
        await insert(store, tokenSession('1'), { idempotency: BODY }, { idempotency: KEY })
        await insert(store, tokenSession('2'), { idempotency: again }, { idempotency: KEY })
        await store.settle(await store.due(6000, 10))
        expect((await look({ idempotency: KEY })).idempotency?.sessionId).toBe('2')
        await store.settle(await store.due(8000, 10))
        expect((await look({ idempotency: KEY })).idempotency).toBeUndefined()
      })
    })

    describe('forgetting an idempotency key', () => {
      const keyed = { idempotency: KEY }

      it('takes its deadline with it', async () => {
        await insert(store, tokenSession('1'), { idempotency: BODY }, keyed)
        await store.remove('1', ALWAYS)
        await expect(
          store.forget(KEY, (answered) => {
            expect(answered).toEqual({ bodySha256: BODY.bodySha256, sessionId: '1' })
            return true
          }),
        ).resolves.toBe(true)
        expect((await look(keyed)).idempotency).toBeUndefined()
        await expect(store.due(9000, 10)).resolves.toEqual([])
        await expect(store.forget(KEY, () => expect.unreachable())).resolves.toBe(false)
      })

      it('is left where the check disagrees or throws; it sees the session', async () => {
        await insert(store, tokenSession('1'), { idempotency: BODY }, keyed)
        const refusal = new Error('refused')
        await expect(store.forget(KEY, ({ session }) => session === undefined)).resolves.toBe(false)
        await expect(
          store.forget(KEY, () => {
            throw refusal
          }),
        ).rejects.toBe(refusal)
        expect((await look(keyed)).idempotency?.sessionId).toBe('1')
        await expect(store.due(9000, 10)).resolves.toHaveLength(1)
      })

      it('never parts a session from its key where that is about to be used anew', async () => {
        await insert(store, tokenSession('1'), { idempotency: BODY }, keyed)
        await store.remove('1', ALWAYS)
        let forgotten: Promise<boolean> | undefined
        await store.insert({ userId: 'alice', countOpenOfUser: false, ...keyed }, () => {
          forgotten = Promise.resolve().then(() =>
            store.forget(KEY, ({ session }) => session === undefined),
          )
          return { insert: { session: tokenSession('2'), idempotency: BODY } }
        })
        await expect(forgotten).resolves.toBe(false)
        expect((await look(keyed)).idempotency?.sessionId).toBe('2')
      })
    })

    describe('walks', () => {
      const OTHER = { ...KEY, owner: bytes(1, 2) }
      const MANY = Array.from({ length: 250 }, (_, i) => `${i}`.padStart(3, '0'))

      it('show the ids of sessions that have a seal, in the order of their bytes', async () => {
        await insert(store, tokenSession('é'), { seal: SEAL })
        await insert(store, tokenSession('b'), { seal: SEAL })
        await insert(store, tokenSession('a'), { seal: SEAL })
        await insert(store, commandSession('c'))
        await store.update('a', (session) => ({ session: ended(session) }))
        await expect(all(store.walkSeals())).resolves.toEqual(['b', 'é'])
      })

      it('show the seal of an insert that had decided, though it was not committed', async () => {
        let walked: Promise<string[]> | undefined
        await store.insert({ userId: 'alice', countOpenOfUser: false }, () => {
          walked = Promise.resolve().then(() => all(store.walkSeals()))
          return { insert: { session: tokenSession('1'), seal: SEAL } }
        })
        await expect(walked).resolves.toEqual(['1'])
      })

      it('show the sessions of a user, those that have ended first', async () => {
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

      it('show what is remembered of the keys of an owner', async () => {
        const second = { ...KEY, key: 'second' }
        for (const [id, scope] of [
          ['1', KEY],
          ['2', second],
          ['3', OTHER],
          ['4', { ...KEY, owner: bytes() }],
        ] as const) {
          await insert(store, tokenSession(id), { idempotency: BODY }, { idempotency: scope })
        }
        const { expiresTimeMs } = BODY
        const entries = await all(store.walkIdempotency(KEY.owner))
        expect(entries.toSorted((a, b) => a.sessionId.localeCompare(b.sessionId))).toEqual([
          { scope: KEY, sessionId: '1', expiresTimeMs },
          { scope: second, sessionId: '2', expiresTimeMs },
        ])
        await expect(all(store.walkIdempotency(bytes(9)))).resolves.toEqual([])
      })

      it('show all deadlines, earliest first, and settle none', async () => {
        await insert(store, commandSession('1'), { sweepAtMs: Number.MAX_SAFE_INTEGER })
        await insert(store, commandSession('2'), { sweepAtMs: 100 })
        await insert(store, tokenSession('3'), { idempotency: KEY_AT_200 }, KEYED)
        const deadlines = [
          sessionDeadline(100, '2'),
          { kind: 'idempotency', timeMs: 200, scope: KEY },
          sessionDeadline(Number.MAX_SAFE_INTEGER, '1'),
        ]
        await expect(all(store.walkDeadlines())).resolves.toEqual(deadlines)
        await expect(store.due(Infinity, 10)).resolves.toEqual(deadlines)
      })

      it('go through many, each once, while they are changed', async () => {
        await Promise.all(
          MANY.map((id, i) =>
            insert(
              store,
              tokenSession(id),
              { seal: SEAL, sweepAtMs: i },
              { countOpenOfUser: false },
            ),
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
        await expect(all(store.walkSeals())).resolves.toEqual(left)
        await expect(all(store.walkDeadlines())).resolves.toHaveLength(MANY.length)
      })

      it('end with an error where the store is closed meanwhile', async () => {
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

    describe('sessions to reuse', () => {
      it.each<[string, Session, boolean]>([
        ['an open one of a command', commandSession('1'), true],
        ['a token session', tokenSession('1'), false],
        ['one that has ended', ended(commandSession('1')), false],
        ['one of another user', commandSession('1', { userId: 'bob' }), false],
        ['one from another address', commandSession('1', { address: '192.0.2.2' }), false],
        ['one of another client', commandSession('1', { client: 'phone' }), false],
        ['another split', commandSession('1', { address: '192.0.2', client: '.1browser' }), false],
      ])('are found by user, address and client: %s', async (_, session, isFound) => {
        await insert(store, session)
        const expected = isFound ? session : undefined
        expect((await look({ reuse: PLACE })).reusable).toEqual(expected)
        await expect(store.findOpened('alice', PLACE.address, PLACE.client)).resolves.toEqual(
          expected,
        )
        expect((await look()).reusable).toBeUndefined()
      })

      it('are found by a client of 1,024 bytes', async () => {
        const client = 'é'.repeat(512)
        await insert(store, commandSession('1', { client }))
        const found = await store.findOpened('alice', PLACE.address, client)
        expect(found).toEqual(commandSession('1', { client }))
      })

      it('are no more when they end or are deleted; of several the newest is taken', async () => {
        await insert(store, commandSession('1', { openTimeMs: 1 }))
        await insert(store, commandSession('2', { openTimeMs: 3 }))
        await insert(store, commandSession('3', { openTimeMs: 2 }))
        expect((await look({ reuse: PLACE })).reusable?.id).toBe('2')
        await store.update('2', (session) => ({ session: ended(session) }))
        expect((await look({ reuse: PLACE })).reusable?.id).toBe('3')
        await store.remove('3', ALWAYS)
        expect((await look({ reuse: PLACE })).reusable?.id).toBe('1')
        await store.remove('1', ALWAYS)
        expect((await look({ reuse: PLACE })).reusable).toBeUndefined()
      })

      it('are opened once where two come at once', async () => {
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

    describe('update', () => {
      it('changes the session, and returns it', async () => {
        await insert(store, commandSession('1'))
        const changed = commandSession('1', { requestTimeMs: 2000, userName: 'A.', data: '1' })
        await expect(store.update('1', () => ({ session: changed }))).resolves.toEqual(changed)
        await expect(store.get('1')).resolves.toEqual(changed)
      })

      it('leaves it as it is for null', async () => {
        await insert(store, commandSession('1'))
        const changes = recordChanges()
        await expect(store.update('1', () => null)).resolves.toEqual(commandSession('1'))
        expect(changes).toEqual([])
      })

      it('knows no session of another id', async () => {
        await insert(store, commandSession('1'))
        const change = () => expect.unreachable()
        await expect(store.update('', change)).resolves.toBeUndefined()
        await expect(store.update('11', change)).resolves.toBeUndefined()
      })

      it('throws on what the function throws, and writes nothing', async () => {
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

      it.each([undefined, true, false])(
        'loses none of many at once (durable: %s)',
        async (durable) => {
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

      it('loses none where the session is reused at the same time', async () => {
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

      it('takes each that ends at the same time from those that a command would find', async () => {
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

      it('settles what it is told, whatever it decides', async () => {
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

    describe('remove', () => {
      it('deletes the session and all that leads to it, and returns what it was', async () => {
        await insert(store, commandSession('1'))
        const changes = recordChanges()
        await expect(store.remove('1', ALWAYS)).resolves.toEqual(commandSession('1'))
        await expect(store.get('1')).resolves.toBeUndefined()
        await expect(listIds(store)).resolves.toEqual([])
        await expect(listIds(store, { userId: 'alice', active: true })).resolves.toEqual([])
        await expect(store.remove('1', ALWAYS)).resolves.toBeUndefined()
        expect(changes).toEqual([{ before: commandSession('1'), after: null }])
      })

      it('leaves it where the check disagrees or throws', async () => {
        await insert(store, commandSession('1'))
        const refusal = new Error('refused')
        const refuse = () => {
          throw refusal
        }
        await expect(store.remove('1', () => false)).resolves.toBeUndefined()
        await expect(store.remove('1', refuse)).rejects.toBe(refusal)
        await expect(store.get('1')).resolves.toEqual(commandSession('1'))
      })

      it('settles what it is told, whatever the check says', async () => {
        await insert(store, commandSession('1'), { sweepAtMs: 5000 })
        await store.remove('1', () => false, { settles: sessionDeadline(5000, '1') })
        await expect(store.due(6000, 10)).resolves.toEqual([])
      })
    })

    describe('seals', () => {
      it('are kept apart from sessions and events', async () => {
        const changes = recordChanges()
        await insert(store, tokenSession('1'), { seal: SEAL })
        await expect(store.seal('1')).resolves.toEqual(SEAL)
        await expect(store.seal('2')).resolves.toBeUndefined()
        expect(changes).toEqual([{ before: null, after: tokenSession('1') }])
        await expect(store.get('1')).resolves.toEqual(tokenSession('1'))
      })

      it('stay while the session is open, and are gone when it ends', async () => {
        await insert(store, tokenSession('1'), { seal: SEAL })
        await store.update('1', (session) => ({ session: { ...session, requestTimeMs: 2000 } }))
        await expect(store.seal('1')).resolves.toEqual(SEAL)
        await store.update('1', (session) => ({ session: ended(session) }))
        await expect(store.seal('1')).resolves.toBeUndefined()
      })

      it('are gone when the session is deleted', async () => {
        await insert(store, tokenSession('1'), { seal: SEAL })
        await store.remove('1', ALWAYS)
        await expect(store.seal('1')).resolves.toBeUndefined()
      })

      it('are replaced by what is made of them, with the session at hand', async () => {
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

      it('are left where that is asked, or the function throws', async () => {
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

      it('are not made for a session that has none', async () => {
        const change = () => expect.unreachable()
        await insert(store, commandSession('of a command'))
        await insert(store, tokenSession('ended'), { seal: SEAL })
        await store.update('ended', (session) => ({ session: ended(session) }))
        for (const id of ['of a command', 'ended', 'unknown']) {
          await store.reseal(id, change)
          await expect(store.seal(id)).resolves.toBeUndefined()
        }
      })

      it('do not come back where the session is about to end', async () => {
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

      it('are not kept of a session that has ended', async () => {
        await insert(store, ended(tokenSession('1')), { seal: SEAL })
        await expect(store.seal('1')).resolves.toBeUndefined()
      })
    })

    describe('list', () => {
      // By request time: e 5, d 4 (ended), then b, c and é at 3, é ended; a 2, of bob; ä 1.
      const sessions = [
        commandSession('a', { requestTimeMs: 2, userId: 'bob' }),
        commandSession('b', { requestTimeMs: 3 }),
        commandSession('c', { requestTimeMs: 3 }),
        ended(commandSession('d', { requestTimeMs: 4 })),
        tokenSession('e', { requestTimeMs: 5 }),
        ended(commandSession('é', { requestTimeMs: 3 })),
        commandSession('ä', { requestTimeMs: 1, userId: 'bo' }),
      ]
      beforeEach(async () => {
        await Promise.all(sessions.map((session) => insert(store, session)))
      })

      it.each([
        ['all', {}, ['e', 'd', 'b', 'c', 'é', 'a', 'ä']],
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
        ['beyond all time', { fromTimeMs: -1, toTimeMs: 2 ** 60 }, listed(7)],
        ['of all time', { fromTimeMs: -Infinity, toTimeMs: Infinity }, listed(7)],
        ['the first page', { take: 3 }, ['e', 'd', 'b']],
        ['the second page', { skip: 3, take: 3 }, ['c', 'é', 'a']],
        ['the last page', { skip: 6, take: 3 }, ['ä']],
        ['beyond the last page', { skip: 9, take: 3 }, []],
        ['nothing', { take: 0 }, []],
        ['a page of the ended', { active: false, skip: 1, take: 5 }, ['é']],
      ])('%s', async (_, query, expected) => {
        await expect(listIds(store, query)).resolves.toEqual(expected)
      })

      function listed(count: number): string[] {
        return ['e', 'd', 'b', 'c', 'é', 'a', 'ä'].slice(0, count)
      }

      it('returns whole sessions', async () => {
        const page = await store.list({ userId: 'bob', skip: 0, take: 10, total: false })
        expect(page).toEqual({ sessions: [sessions[0]], total: null })
      })

      it.each([
        [{}, 7],
        [{ active: true }, 5],
        [{ active: false }, 2],
        [{ userId: 'alice', fromTimeMs: 3, toTimeMs: 4 }, 3],
        [{ userId: 'nobody' }, 0],
      ])('counts all that match, not only the page: %o', async (query, total) => {
        const page = await store.list({ ...query, skip: 1, take: 1, total: true })
        expect(page.total).toBe(total)
        expect(page.sessions.length).toBe(total > 1 ? 1 : 0)
      })

      it('follows each change', async () => {
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

    describe('deadlines', () => {
      it('come due earliest first, up to a limit', async () => {
        await insert(store, commandSession('1'), { sweepAtMs: 300 })
        await insert(store, commandSession('2'), { sweepAtMs: 100 })
        await insert(store, tokenSession('3'), { sweepAtMs: 400, idempotency: KEY_AT_200 }, KEYED)
        const all = [
          sessionDeadline(100, '2'),
          { kind: 'idempotency', timeMs: 200, scope: KEY },
          sessionDeadline(300, '1'),
          sessionDeadline(400, '3'),
        ]
        await expect(store.due(1000, 10)).resolves.toEqual(all)
        await expect(store.due(1000, 2)).resolves.toEqual(all.slice(0, 2))
        await expect(store.due(300, 10)).resolves.toEqual(all.slice(0, 2))
        await expect(store.due(301, 10)).resolves.toEqual(all.slice(0, 3))
        await expect(store.due(1000, 0)).resolves.toEqual([])
        await expect(store.due(0, 10)).resolves.toEqual([])
      })

      it('stay until they are settled, also beyond the session', async () => {
        await insert(store, commandSession('1'), { sweepAtMs: 100 })
        await store.update('1', (session) => ({ session, sweepAtMs: 200 }))
        await store.remove('1', ALWAYS)
        const due = await store.due(1000, 10)
        expect(due).toEqual([sessionDeadline(100, '1'), sessionDeadline(200, '1')])
        await store.settle(due.slice(0, 1))
        await expect(store.due(1000, 10)).resolves.toEqual(due.slice(1))
        await store.settle(due)
        await expect(store.due(1000, 10)).resolves.toEqual([])
        await store.settle([])
      })

      it('are seen where they are armed before what was settled', async () => {
        await insert(store, commandSession('1'), { sweepAtMs: 500 })
        await store.settle(await store.due(1000, 10))
        await expect(store.due(1000, 10)).resolves.toEqual([])
        await insert(store, commandSession('2'), { sweepAtMs: 50 })
        await expect(store.due(1000, 10)).resolves.toEqual([sessionDeadline(50, '2')])
        await expect(store.due(60, 10)).resolves.toEqual([sessionDeadline(50, '2')])
        await expect(store.due(50, 10)).resolves.toEqual([])
        await expect(store.due(1000, 10)).resolves.toEqual([sessionDeadline(50, '2')])
      })

      it('may lie at the end of time', async () => {
        await insert(store, tokenSession('1'), { sweepAtMs: Number.MAX_SAFE_INTEGER })
        await expect(store.due(Number.MAX_SAFE_INTEGER, 10)).resolves.toEqual([])
        await expect(store.due(Infinity, 10)).resolves.toEqual([
          sessionDeadline(Number.MAX_SAFE_INTEGER, '1'),
        ])
      })
    })

    describe('events', () => {
      it('tell each change as it was and is', async () => {
        const changes = recordChanges()
        const first = commandSession('1')
        const second = commandSession('1', { requestTimeMs: 2000 })
        await insert(store, first)
        await store.update('1', () => ({ session: second }))
        await store.update('1', () => ({ session: ended(second) }))
        await store.remove('1', ALWAYS)
        expect(changes).toEqual([
          { before: null, after: first },
          { before: first, after: second },
          { before: second, after: ended(second) },
          { before: ended(second), after: null },
        ])
      })

      it('come before the promise resolves, and when a read sees the change', async () => {
        const order: string[] = []
        const reads: Promise<Session | undefined>[] = []
        store.subscribe(({ after }) => {
          order.push(`event ${after?.id}`)
          reads.push(store.get(after?.id ?? ''))
        })
        await Promise.all(
          ['1', '2', '3'].map(async (id) => {
            await insert(store, commandSession(id, { userId: id }))
            order.push(`done ${id}`)
          }),
        )
        for (const id of ['1', '2', '3']) {
          expect(order.indexOf(`event ${id}`)).toBeLessThan(order.indexOf(`done ${id}`))
          expect(order.filter((entry) => entry === `event ${id}`)).toHaveLength(1)
        }
        for (const session of await Promise.all(reads)) {
          expect(session).toBeDefined()
        }
      })

      it('come in commit order, so that each begins where the one before it ended', async () => {
        await insert(store, commandSession('1', { requestTimeMs: 0 }))
        const changes = recordChanges()
        await Promise.all(
          Array.from({ length: 10 }, () =>
            store.update('1', (current) => ({
              session: { ...current, requestTimeMs: current.requestTimeMs + 1 },
            })),
          ),
        )
        const times = changes.map(({ before, after }) => [
          before?.requestTimeMs,
          after?.requestTimeMs,
        ])
        expect(times).toEqual(Array.from({ length: 10 }, (_, i) => [i, i + 1]))
      })

      it('reach every subscriber until it leaves, whatever another one throws', async () => {
        const warnings: unknown[] = []
        const onWarning = (warning: unknown) => warnings.push(warning)
        process.on('warning', onWarning)
        try {
          const failure = new Error('a listener failed')
          store.subscribe(() => {
            throw failure
          })
          const changes: SessionChange[] = []
          const leave = store.subscribe((change) => changes.push(change))
          await insert(store, commandSession('1'))
          leave()
          await insert(store, commandSession('2'))
          expect(changes).toEqual([{ before: null, after: commandSession('1') }])
          // Warnings are emitted on the next tick.
          await new Promise((resolve) => process.nextTick(resolve))
          expect(warnings.filter((warning) => warning === failure)).toHaveLength(2)
        } finally {
          process.off('warning', onWarning)
        }
      })
    })

    describe('close', () => {
      it('waits for the writes under way', async () => {
        const committed: string[] = []
        store.subscribe(({ after }) => committed.push(after?.id ?? ''))
        const writes = ['1', '2', '3'].map((id) => insert(store, commandSession(id)))
        await store.close()
        expect(committed).toEqual(['1', '2', '3'])
        await expect(Promise.all(writes)).resolves.toHaveLength(3)
      })

      it('may be called again', async () => {
        await Promise.all([store.close(), store.close()])
        await store.close()
      })

      it.each<[string, (store: SessionStore) => Promise<unknown>]>([
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
      ])('%s fails afterwards', async (_, call) => {
        await store.close()
        await expect(call(store)).rejects.toThrow(StoreUnavailableError)
      })
    })
  })
}

const PLACE = { address: '192.0.2.1', client: 'browser' }
const KEY_AT_200 = { ...BODY, expiresTimeMs: 200 }
const KEYED = { idempotency: KEY }

/** Everything that a walk shows. */
async function all<T>(walk: AsyncIterable<readonly T[]>): Promise<T[]> {
  const seen: T[] = []
  for await (const slice of walk) {
    seen.push(...slice)
  }
  return seen
}

function ofUser(userId: string, i: number): Session {
  return commandSession(`of another ${i}`, { userId })
}

function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values)
}

import { randomBytes } from 'node:crypto'
import { describe, expect } from 'vitest'
import { ownerText } from '../../src/core/owner-text.js'
import type { EndReason, Session } from '../../src/core/session.js'
import type { SessionStore } from '../../src/core/store.js'
import { uuidText, uuidV4Bytes } from '../../src/core/uuid.js'
import { commandSession, ended, insert, tokenSession } from '../support/store-sessions.js'
import { ALWAYS, SEAL, type StoreTest } from './given.js'

const NONE = new Uint8Array()
const OWNER = Uint8Array.of(5, 5)
/** The last epoch of the sessions here, whose end is at 10,000 ms. */
const EXP = 9n
const UNTIL_MS = 10_000

/** Opens a token session, whose id names its shard unless told otherwise. */
async function open(
  store: SessionStore,
  { userId = ownerText(OWNER), id = newId(store, userId) } = {},
): Promise<Session> {
  const session = tokenSession(id, { userId })
  const lifetime = { exp: EXP, nbf: 0n, iat: 0n }
  const token = { ...(session.token as NonNullable<Session['token']>), owner: OWNER, lifetime }
  return insert(store, { ...session, token }, { seal: SEAL })
}

function newId(store: SessionStore, userId: string): string {
  return uuidText(uuidV4Bytes(randomBytes(16), store.idBits?.(userId) ?? null))
}

function end(store: SessionStore, id: string, reason: EndReason = 'closed', closeTimeMs = 2000) {
  return store.update(id, (session) => ({
    session: ended(session, closeTimeMs, { reason, by: 'a test' }),
  }))
}

/** All endings behind a cursor, and the cursor behind them. */
async function read(store: SessionStore, from: Uint8Array = NONE, limit = 1000) {
  const endings = []
  let cursor = from
  let isFull: boolean | undefined
  for (;;) {
    const page = await store.endings(cursor, limit)
    isFull ??= page.isFull
    endings.push(...page.endings)
    cursor = page.cursor
    if (!page.hasMore) {
      return { ids: endings.map(({ id }) => id), endings, cursor, isFull }
    }
  }
}

export function endingsTests(it: StoreTest): void {
  describe('an ending', () => {
    it.for<EndReason>(['closed', 'revoked', 'superseded', 'key_lost'])(
      'that is %s is remembered in the commit that ends the session',
      async (reason, { store }) => {
        const { id } = await open(store)
        expect((await read(store)).endings).toEqual([])
        await end(store, id, reason)
        const { endings, isFull } = await read(store)
        expect(endings).toEqual([{ id, reason, endTimeMs: 2000, exp: EXP }])
        expect(isFull).toBe(true)
      },
    )

    it.for(['deleted', 'erased'] as const)(
      'is remembered where the open session is %s',
      async (reason, { store }) => {
        const { id } = await open(store)
        await store.remove(id, ALWAYS, { removal: { reason, timeMs: 3000 } })
        expect((await read(store)).endings).toEqual([{ id, reason, endTimeMs: 3000, exp: EXP }])
      },
    )

    it('is remembered where the session made room for another', async ({ store }) => {
      const first = await open(store)
      const second = tokenSession(newId(store, first.userId), { userId: first.userId })
      const scope = { userId: first.userId, countOpenOfUser: true, oldest: 1 }
      const ending = { reason: 'superseded', by: null } as const
      await store.insert(scope, ({ oldest = [] }) => ({
        insert: { session: second, seal: SEAL },
        ends: oldest.map((session) => ({ session: ended(session, 2500, ending) })),
      }))
      expect((await read(store)).endings).toEqual([
        { id: first.id, reason: 'superseded', endTimeMs: 2500, exp: EXP },
      ])
    })

    it('stays as it was where the ended session is changed or deleted', async ({ store }) => {
      const { id } = await open(store)
      await end(store, id)
      const before = await read(store)
      await store.update(id, (session) => ({ session, sweepAtMs: 5000 }))
      await store.remove(id, ALWAYS, { removal: { reason: 'erased', timeMs: 4000 } })
      expect(await read(store)).toEqual(before)
      expect((await read(store, before.cursor)).endings).toEqual([])
    })

    it('is none of a session that commands opened, nor beyond the lifetime', async ({ store }) => {
      const commanded = commandSession(newId(store, 'alice'))
      await insert(store, commanded)
      await end(store, commanded.id)
      const late = await open(store)
      await end(store, late.id, 'expired', UNTIL_MS)
      const gone = await open(store)
      await store.remove(gone.id, ALWAYS, { removal: { reason: 'deleted', timeMs: UNTIL_MS } })
      await insert(store, ended({ ...late, id: newId(store, late.userId) }))
      expect((await read(store)).endings).toEqual([])
    })

    it('is none where the change fails, or changes nothing', async ({ store }) => {
      const { id } = await open(store)
      await store.update(id, () => null)
      await store.remove(id, () => false, { removal: { reason: 'deleted', timeMs: 1 } })
      await expect(
        store.update(id, () => {
          throw new Error('refused')
        }),
      ).rejects.toThrow('refused')
      expect((await read(store)).endings).toEqual([])
    })

    it('is forgotten at the end of the lifetime, by the deadline that came with it', async ({
      store,
    }) => {
      const { id } = await open(store)
      await end(store, id)
      await store.remove(id, ALWAYS)
      await expect(store.due(UNTIL_MS, 10)).resolves.toEqual([])
      const due = await store.due(UNTIL_MS + 1, 10)
      expect(due).toEqual([{ kind: 'ending', timeMs: UNTIL_MS, id }])
      await store.settle(due)
      await store.settle(due)
      await expect(store.due(UNTIL_MS + 1, 10)).resolves.toEqual([])
      expect((await read(store)).endings).toEqual([])
    })

    it('is forgotten too where the id says nothing of where the session lies', async ({
      store,
    }) => {
      const foreign = Array.from({ length: 20 }, () => uuidText(uuidV4Bytes(randomBytes(16))))
      for (const id of foreign) {
        await open(store, { id })
        await end(store, id)
      }
      expect((await read(store)).ids.toSorted()).toEqual(foreign.toSorted())
      await store.settle(await store.due(UNTIL_MS + 1, 100))
      expect((await read(store)).endings).toEqual([])
      await expect(store.due(UNTIL_MS + 1, 10)).resolves.toEqual([])
    })
  })

  describe('endings', () => {
    it('come once each behind a cursor, in the order of the commits of a user', async ({
      store,
    }) => {
      const sessions = [await open(store), await open(store), await open(store), await open(store)]
      const [one, two, three, four] = sessions.map(({ id }) => id) as [
        string,
        string,
        string,
        string,
      ]
      await end(store, two)
      await end(store, one)
      const first = await read(store)
      expect(first.ids).toEqual([two, one])
      await end(store, four)
      await end(store, three)
      const second = await read(store, first.cursor)
      expect(second).toMatchObject({ ids: [four, three], isFull: false })
      await expect(read(store, second.cursor)).resolves.toMatchObject({ ids: [], isFull: false })
      await expect(read(store)).resolves.toMatchObject({ ids: [two, one, four, three] })
    })

    it('come all in slices, however small, while more are added', async ({ store }) => {
      const ids: string[] = []
      for (let i = 0; i < 12; i++) {
        const { id } = await open(store, { userId: `user ${i % 3}` })
        ids.push(id)
      }
      await Promise.all(ids.slice(0, 9).map((id) => end(store, id)))
      let { cursor, endings } = await store.endings(NONE, 2)
      const seen = endings.map(({ id }) => id)
      await Promise.all(ids.slice(9).map((id) => end(store, id)))
      for (let hasMore = true; hasMore; ) {
        ;({ endings, cursor, hasMore } = await store.endings(cursor, 2))
        seen.push(...endings.map(({ id }) => id))
      }
      expect(seen.toSorted()).toEqual(ids.toSorted())
    })

    it('begin anew for a cursor that is none of this store', async ({ store }) => {
      const { id } = await open(store)
      await end(store, id)
      const { cursor } = await read(store)
      const other = Buffer.from(cursor)
      other.writeUInt8(other.readUInt8(0) ^ 1)
      for (const foreign of [other, randomBytes(cursor.length), cursor.subarray(1)]) {
        expect(await read(store, foreign)).toMatchObject({ ids: [id], isFull: true })
      }
    })

    it('of some sessions are all of theirs', async ({ store }) => {
      const mine = await open(store)
      const theirs = await open(store, { userId: 'another' })
      const { cursor } = await read(store)
      await end(store, mine.id)
      await end(store, theirs.id)
      const some = await store.endings(cursor, 10, new Set([mine.id]))
      expect(some.endings.map(({ id }) => id)).toContain(mine.id)
      const rest = await store.endings(some.cursor, 10)
      const seen = [...some.endings, ...rest.endings].map(({ id }) => id)
      expect(seen.toSorted()).toEqual([mine.id, theirs.id].toSorted())
    })

    it('go on behind what was forgotten', async ({ store }) => {
      const first = await open(store)
      await end(store, first.id)
      const { cursor } = await read(store)
      await store.settle(await store.due(UNTIL_MS + 1, 10))
      const second = await open(store)
      await end(store, second.id)
      expect(await read(store, cursor)).toMatchObject({ ids: [second.id], isFull: false })
    })
  })
}

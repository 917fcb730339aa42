import { randomBytes } from 'node:crypto'
import { base58 } from '@scure/base'
import fc from 'fast-check'
import { Level } from 'level'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { SessionChange } from '../../../../src/core/events.js'
import { ownerOfText, ownerText } from '../../../../src/core/owner-text.js'
import type { Session } from '../../../../src/core/session.js'
import type { IdempotencyScope, SessionStore } from '../../../../src/core/store.js'
import { countSubject, eraseSubject, exportSubject } from '../../../../src/core/upkeep/subject.js'
import { LevelStore } from '../../../../src/stores/level/store.js'
import { auditLevel } from '../../../support/level-audit.js'
import { MemoryStore } from '../../../support/memory-store.js'
import { temporaryDirectory } from '../../../support/process.js'
import { HOUR_MS, sessionsAt } from '../../../support/sessions.js'
import {
  commandSession,
  EPOCHS,
  ended,
  insert,
  listIds,
  tokenSession,
} from '../../../support/store-sessions.js'

const OWNER = Uint8Array.from(randomBytes(25))
const OTHER = Uint8Array.from(randomBytes(25))
const SEAL = Uint8Array.from(randomBytes(40))
const EXPIRES_MS = 9000

/** Nothing ends by itself. */
const NO_DEADLINES = { asOfNow: (session: Session) => session }

type AnyStore = LevelStore | MemoryStore

const erase = (store: SessionStore, userId: string) =>
  eraseSubject(store, sessionsAt({}, store).expiry, userId)

const scopeOf = (owner: Uint8Array, key: string): IdempotencyScope => ({
  owner,
  signer: Uint8Array.of(7),
  key,
})

/** Opens a session as Create does, with an idempotency key that is its id. */
function create(store: AnyStore, id: string, owner: Uint8Array) {
  const lifetime = { exp: 3n, nbf: 2n, iat: 1n }
  const token = { owner, lifetime, publicKey: new Uint8Array(32).fill(3) }
  return insert(
    store,
    tokenSession(id, { userId: ownerText(owner), userName: '', token }),
    {
      seal: SEAL,
      sweepAtMs: 5000,
      idempotency: { bodySha256: new Uint8Array(32), expiresTimeMs: EXPIRES_MS },
    },
    { idempotency: scopeOf(owner, id) },
  )
}

/** Two users and two owners, with sessions that are open, have ended and were deleted. */
async function fill(store: AnyStore): Promise<void> {
  for (const [name, owner] of [
    ['own', OWNER],
    ['other', OTHER],
  ] as const) {
    const userId = `the ${name} user`
    for (let i = 0; i < 120; i++) {
      await create(store, `${name}-${i}`, owner)
      await insert(
        store,
        commandSession(`${name}-c${i}`, { userId, user: `{"name":"${userId}"}` }),
        {
          sweepAtMs: 100 + i,
        },
      )
    }
    for (const id of [`${name}-0`, `${name}-c0`]) {
      await store.update(id, (session) => ({ session: ended(session), sweepAtMs: 9999 }))
    }
    await store.remove(`${name}-1`, () => true)
  }
}

async function exported(store: AnyStore, userId: string): Promise<string[]> {
  const ids: string[] = []
  for await (const record of exportSubject(store, NO_DEADLINES, userId)) {
    ids.push(record.kind === 'session' ? record.session.id : `key ${record.entry.scope.key}`)
  }
  return ids
}

async function levelStore() {
  const location = await temporaryDirectory(onTestFinished)
  const store = await LevelStore.open(location, { epochs: EPOCHS })
  onTestFinished(() => store.close())
  return { store, location }
}

it('a session past its deadline is exported as ended, without what callers kept in it', async () => {
  const { store, sessions, expiry, time } = sessionsAt()
  const { id } = await sessions.open({ userId: 'u', address: '', client: '', user: '1', data: '2' })
  time.nowMs += HOUR_MS
  const { value } = await exportSubject(store, expiry.rules, 'u').next()
  expect(value).toMatchObject({ session: { id, active: false, user: null, data: null } })
})

it.each([0, 1, 20, 64, 65])(
  'a user id of %i bytes as base58 is taken for an owner up to 64',
  (n) => {
    const owner = randomBytes(n)
    const found = ownerOfText(base58.encode(owner))
    expect(found).toEqual(n > 64 ? null : Uint8Array.from(owner))
    expect(ownerOfText('the user 0')).toBeNull()
  },
)

describe.each(['MemoryStore', 'LevelStore'])('of a %s', (name) => {
  const makeStore = async (): Promise<AnyStore> =>
    name === 'MemoryStore' ? new MemoryStore() : (await levelStore()).store

  it('everything about a user is exported, and nothing of another', async () => {
    const store = await makeStore()
    await fill(store)
    const numbers = Array.from({ length: 120 }, (_, i) => i)
    expect((await exported(store, 'the own user')).sort()).toEqual(
      numbers.map((i) => `own-c${i}`).sort(),
    )
    expect((await exported(store, ownerText(OWNER))).sort()).toEqual(
      [
        ...numbers.filter((i) => i !== 1).map((i) => `own-${i}`),
        ...numbers.map((i) => `key own-${i}`),
      ].sort(),
    )
    expect(await exported(store, 'nobody')).toEqual([])
  })

  it('everything about a user is erased, told to viewers, and found no second time', async () => {
    const store = await makeStore()
    await fill(store)
    const open = await store.countOpen()
    const changes: SessionChange[] = []
    store.subscribe((change) => changes.push(change))
    const own = ownerText(OWNER)
    await expect(countSubject(store, own)).resolves.toEqual({ sessions: 119, idempotencyKeys: 120 })
    expect(changes).toEqual([])
    await expect(erase(store, own)).resolves.toEqual({ sessions: 119, idempotencyKeys: 120 })
    await expect(erase(store, 'the own user')).resolves.toEqual({
      sessions: 120,
      idempotencyKeys: 0,
    })
    expect(changes).toHaveLength(239)
    expect(changes.every(({ before, after }) => before !== null && after === null)).toBe(true)
    for (const userId of [own, 'the own user']) {
      expect(await exported(store, userId)).toEqual([])
      const nothing = { sessions: 0, idempotencyKeys: 0 }
      await expect(erase(store, userId)).resolves.toEqual(nothing)
    }
    await expect(store.countOpen()).resolves.toBe(open / 2)
    expect(await exported(store, ownerText(OTHER))).toHaveLength(239)
    expect(await exported(store, 'the other user')).toHaveLength(120)
    // Deadlines of what was deleted before the erasure stay until they come due.
    const due = await store.due(Infinity, 10_000)
    const left = due.flatMap((deadline) =>
      deadline.kind === 'idempotency' ? deadline.scope.key : deadline.id,
    )
    expect(left.filter((id) => id.startsWith('own'))).toEqual(['own-1'])
    expect(left.filter((id) => id.startsWith('other'))).toHaveLength(362)
  })

  it.each(['', 'x'.repeat(257)])('a user id of no or too many bytes is refused', async (userId) => {
    const store = await makeStore()
    await expect(erase(store, userId)).rejects.toMatchObject({ field: 'user_id' })
    await expect(exported(store, userId)).rejects.toMatchObject({ field: 'user_id' })
  })

  it('a session that is opened meanwhile is erased, or stays with its idempotency key', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(30), { minLength: 1, maxLength: 8 }),
        fc.nat(5),
        async (turns, before) => {
          const store = await makeStore()
          for (let i = 0; i < before; i++) {
            await create(store, `before-${i}`, OWNER)
          }
          const [counts] = await Promise.all([
            erase(store, ownerText(OWNER)),
            ...turns.map(async (turn, i) => {
              for (let waited = 0; waited < turn; waited++) {
                await new Promise(setImmediate)
              }
              await create(store, `new-${i}`, OWNER)
            }),
          ])
          const ids = await listIds(store)
          expect(ids.filter((id) => id.startsWith('before'))).toEqual([])
          expect(counts.sessions).toBe(before + turns.length - ids.length)
          expect((await exported(store, ownerText(OWNER))).sort()).toEqual(
            ids.flatMap((id) => [id, `key ${id}`]).sort(),
          )
          for (const id of ids) {
            await expect(store.seal(id)).resolves.toEqual(SEAL)
          }
          const due = await store.due(Infinity, 100)
          expect(due).toHaveLength(2 * ids.length)
          await store.close()
        },
      ),
      { numRuns: 10 },
    )
  })
})

it('no row of the database holds the id or the owner of a user who was erased', async () => {
  const { store, location } = await levelStore()
  await fill(store)
  const traces = [Buffer.from('the own user'), Buffer.from(OWNER), Buffer.from(ownerText(OWNER))]
  await erase(store, 'the own user')
  await erase(store, ownerText(OWNER))
  await store.close()
  const rows = await rowsOf(location)
  for (const row of rows) {
    expect(traces.filter((trace) => row.includes(trace))).toEqual([])
  }
  // It would find them: the other user's are there.
  expect(rows.some((row) => row.includes(Buffer.from(OTHER)))).toBe(true)
  expect(rows.some((row) => row.includes('the other user'))).toBe(true)
  await expect(auditLevel(location)).resolves.toEqual([])
})

async function rowsOf(location: string): Promise<Buffer[]> {
  const level = new Level<Buffer, Buffer>(location, {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
  })
  const rows = await level.iterator().all()
  await level.close()
  return rows.map((row) => Buffer.concat(row))
}

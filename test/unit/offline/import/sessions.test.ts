import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { ExpiryRules } from '../../../../src/core/endings/expiry-rules.js'
import { EpochClock } from '../../../../src/core/epoch.js'
import { StoreUnavailableError } from '../../../../src/core/errors.js'
import { Importer, type LeftOut } from '../../../../src/offline/import/importer.js'
import { splitFile } from '../../../../src/offline/import/split.js'
import { importFiles } from '../../../support/import-files.js'
import { MemoryStore } from '../../../support/memory-store.js'
import { CALLER, HOUR_MS, START_MS, sessionsAt } from '../../../support/sessions.js'

function setUp(store = new MemoryStore()) {
  const clock = new EpochClock({ genesisAtMs: 0, lengthMs: 1000 }, () => START_MS)
  const settings = { idleTimeoutMs: HOUR_MS, maxSessionAgeMs: 0, retentionMs: HOUR_MS }
  const leftOut: LeftOut[] = []
  const bringIn = (records: unknown) => {
    const importer = new Importer({
      store,
      rules: new ExpiryRules(clock, settings),
      maxDataBytes: 1000,
      nowMs: () => START_MS,
      onLeftOut: (one) => leftOut.push(one),
    })
    return importer.run(
      splitFile(
        one(Buffer.from(typeof records === 'string' ? records : JSON.stringify(records))),
        'file',
      ),
    )
  }
  return { store, leftOut, bringIn }
}

async function* one(bytes: Buffer) {
  yield bytes
}

/** Opened, and last asked, so long before now. */
const record = (id: string, minutesAgo: number, parts: object = {}) => ({
  id,
  user_id: 'alice',
  open_time: START_MS - minutesAgo * 60_000,
  address: 'here',
  client: 'app',
  ...parts,
})

describe('an import', () => {
  it('brings sessions in, and nothing the second time', async () => {
    const { store, bringIn } = setUp()
    const records = Array.from({ length: 1000 }, (_, i) => record(`s${i}`, 1, { client: `c${i}` }))
    expect(await bringIn(records)).toEqual({ imported: 1000, ended: 0, existing: 0, leftOut: 0 })
    expect(await store.countOpen()).toBe(1000)
    expect(await bringIn(records)).toEqual({ imported: 0, ended: 0, existing: 1000, leftOut: 0 })
    expect(await store.countOpen()).toBe(1000)
  })

  it('keeps nothing that callers kept in sessions that have ended', async () => {
    const { store, bringIn } = setUp()
    const kept = { user: { id: 'alice' }, data: 'x' }
    await bringIn([
      record('closed', 9, { ...kept, active: false, close_time: START_MS }),
      record('overdue', 90, kept),
      record('open', 1, kept),
    ])
    for (const id of ['closed', 'overdue']) {
      expect(await store.get(id)).toMatchObject({ active: false, user: null, data: null })
    }
    expect(await store.get('open')).toMatchObject({ active: true, data: '"x"' })
  })

  it('leaves a session that is there as it is', async () => {
    const { store, bringIn } = setUp()
    await bringIn([record('a', 5)])
    const before = await store.get('a')
    await bringIn([record('a', 1, { user_id: 'mallory', data: 'x' })])
    expect(await store.get('a')).toEqual(before)
  })

  it('takes the first of two with one id, though both are under way at once', async () => {
    class SlowStore extends MemoryStore {
      override async insert(...args: Parameters<MemoryStore['insert']>) {
        await setImmediate()
        return super.insert(...args)
      }
    }
    const { store, bringIn } = setUp(new SlowStore())
    const twice = [record('a', 5), record('a', 1, { user_id: 'bob' })]
    expect(await bringIn(twice)).toMatchObject({ imported: 1, existing: 1 })
    const { sessions } = await store.list({ skip: 0, take: 10, total: false })
    expect(sessions).toMatchObject([{ id: 'a', userId: 'alice' }])
  })

  it('ends what is past its deadline, at its deadline', async () => {
    const { store, bringIn } = setUp()
    expect(await bringIn([record('old', 90), record('young', 30)])).toMatchObject({ ended: 1 })
    expect(await store.get('old')).toMatchObject({
      active: false,
      closeTimeMs: START_MS - 30 * 60_000,
    })
    expect(await store.get('young')).toMatchObject({ active: true })
    // Both are armed for the sweep: one to be purged, one to end.
    const due = await store.due(START_MS + 10 * HOUR_MS, 10)
    expect(due.map(({ timeMs }) => timeMs)).toEqual([
      START_MS + HOUR_MS / 2,
      START_MS + HOUR_MS / 2,
    ])
  })

  it('keeps all that are open of one user, address and client', async () => {
    const { store, bringIn } = setUp()
    const records = [record('a', 30), record('c', 10), record('b', 20)]
    expect(await bringIn(records)).toEqual({ imported: 3, ended: 0, existing: 0, leftOut: 0 })
    expect((await store.findOpened('alice', 'here', 'app'))?.id).toBe('c')
    expect(await store.countOpen()).toBe(3)
  })

  it('leaves none of them open to who closes by user, address and client', async () => {
    const { store, bringIn } = setUp()
    await bringIn([record('a', 30), record('b', 20), record('c', 10, { client: 'other' })])
    const { sessions } = sessionsAt({}, store)
    await sessions.closeOpened('alice', 'here', 'app', CALLER)
    const { sessions: open } = await store.list({ active: true, skip: 0, take: 9, total: false })
    expect(open.map(({ id }) => id)).toEqual(['c'])
  })

  it.each(Object.entries(importFiles(START_MS - 60_000)))(
    'takes what was left by: %s',
    async (_, text) => {
      const { store, leftOut, bringIn } = setUp()
      expect(await bringIn(text)).toEqual({ imported: 2, ended: 0, existing: 0, leftOut: 0 })
      expect(leftOut).toEqual([])
      const since = new Date(START_MS - 60_000).toISOString()
      const { sessions } = await store.list({ skip: 0, take: 10, total: false })
      expect(sessions).toEqual(
        sessions.map(({ id }) => ({
          ...{ id, userId: 'alice', userName: 'Alice', active: true, closeTimeMs: null },
          ...{ openTimeMs: START_MS - 60_000, requestTimeMs: START_MS - 60_000 },
          ...{ address: 'here', client: 'app', token: null, ending: null },
          user: JSON.stringify({ id: 'alice', since }),
          data: JSON.stringify({ name: id, cart: [1, 2] }),
        })),
      )
      expect(await bringIn(text)).toEqual({ imported: 0, ended: 0, existing: 2, leftOut: 0 })
    },
  )

  it('brings what has ended in without what ends with a session', async () => {
    const { store, bringIn } = setUp()
    const content = { user: { name: 'Alice' }, data: { secret: 1 } }
    await bringIn([record('closed', 5, { active: false, ...content }), record('idle', 90, content)])
    for (const id of ['closed', 'idle']) {
      expect(await store.get(id)).toMatchObject({ active: false, user: null, data: null })
    }
  })

  it('says which session of a user it left out', async () => {
    const { leftOut, bringIn } = setUp()
    const sessions = [{ id: 'a', opened: START_MS }, { id: 'b' }, null]
    const counts = await bringIn([{ id: 'alice', sessions }])
    expect(counts).toMatchObject({ imported: 1, leftOut: 2 })
    expect(leftOut.map(({ reason }) => reason)).toEqual([
      'sessions[2]: open_time (or opened) is required',
      'sessions[3]: session: is not an object',
    ])
  })

  it('says what it left out, where and why', async () => {
    const { leftOut, bringIn } = setUp()
    const counts = await bringIn([record('a', 1), { id: 'b' }, record('c', 1, { active: 1 })])
    expect(counts).toMatchObject({ imported: 1, leftOut: 2 })
    expect(leftOut).toEqual([
      { element: 2, line: 1, reason: 'open_time (or opened) is required' },
      { element: 3, line: 1, reason: 'active is neither true nor false' },
    ])
  })

  it('stops where the store fails', async () => {
    class FailingStore extends MemoryStore {
      override async insert(): Promise<never> {
        throw new StoreUnavailableError('a write failed')
      }
    }
    const { bringIn } = setUp(new FailingStore())
    await expect(bringIn([record('a', 1), record('b', 1)])).rejects.toThrow(StoreUnavailableError)
  })
})

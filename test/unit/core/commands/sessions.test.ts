import { describe, expect, it } from 'vitest'
import type { OpenArguments } from '../../../../src/core/commands/arguments.js'
import { StoreUnavailableError } from '../../../../src/core/errors.js'
import {
  BROWSER,
  CALLER,
  claimAt,
  HOUR_MS,
  START_MS,
  sessionsAt,
} from '../../../support/sessions.js'

const refusedAs = (code: string, field?: string) =>
  expect.objectContaining(field === undefined ? { code } : { code, field })

describe('open', () => {
  it('opens a session as it was asked', async () => {
    const { sessions } = sessionsAt()
    const args = { ...BROWSER, userName: 'One', user: '{"a":1}', data: '[]' }
    const session = await sessions.open(args)
    expect(session).toEqual({
      ...args,
      id: expect.stringMatching(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/),
      active: true,
      openTimeMs: START_MS,
      requestTimeMs: START_MS,
      closeTimeMs: null,
      token: null,
      ending: null,
    })
    expect(await sessions.get(session.id)).toEqual(session)
  })

  it('finds the one that is open, moves its request time, and replaces what is given', async () => {
    const { sessions, time } = sessionsAt()
    const first = await sessions.open({ ...BROWSER, userName: 'One', user: '1', data: '2' })
    time.nowMs += 5000
    const second = await sessions.open({ ...BROWSER, data: 'null' })
    expect(second).toEqual({ ...first, requestTimeMs: START_MS + 5000, data: 'null' })
  })

  it('never moves a request time backwards', async () => {
    const { sessions, time } = sessionsAt()
    const { id } = await sessions.open(BROWSER)
    time.nowMs -= 5000
    expect((await sessions.open(BROWSER)).requestTimeMs).toBe(START_MS)
    expect((await sessions.storeData(id, '1')).requestTimeMs).toBe(START_MS)
  })

  it.each<[string, Partial<OpenArguments>]>([
    ['user', { userId: 'u2' }],
    ['address', { address: '192.0.2.2' }],
    ['client', { client: 'phone' }],
  ])('opens another one for another %s', async (_, other) => {
    const { sessions } = sessionsAt()
    const { id } = await sessions.open(BROWSER)
    expect((await sessions.open({ ...BROWSER, ...other })).id).not.toBe(id)
  })

  it('does not find a token session', async () => {
    const { create, sessions } = sessionsAt()
    const token = await create(claimAt(START_MS, 60))
    const { userId, address, client } = token
    expect((await sessions.open({ userId, address, client })).id).not.toBe(token.id)
  })

  it('opens a new one where the old one has been idle too long, though no sweep came', async () => {
    const { sessions, time } = sessionsAt()
    const first = await sessions.open(BROWSER)
    time.nowMs += HOUR_MS
    const [second, third] = await Promise.all([sessions.open(BROWSER), sessions.open(BROWSER)])
    expect(second.id).not.toBe(first.id)
    expect(third.id).toBe(second.id)
    expect(await sessions.get(first.id)).toMatchObject({
      active: false,
      closeTimeMs: START_MS + HOUR_MS,
    })
  })

  it('opens one for 200 calls at once', async () => {
    const { sessions } = sessionsAt()
    const opened = await Promise.all(Array.from({ length: 200 }, () => sessions.open(BROWSER)))
    expect(new Set(opened.map(({ id }) => id)).size).toBe(1)
  })

  it('is held to the quota of its user', async () => {
    const { sessions } = sessionsAt({ maxSessionsPerOwner: 1 })
    await sessions.open(BROWSER)
    await expect(sessions.open({ ...BROWSER, client: 'x' })).rejects.toThrow(
      refusedAs('QUOTA_EXCEEDED'),
    )
    await expect(sessions.open(BROWSER)).resolves.toMatchObject(BROWSER)
  })

  it('takes a client of 1,024 bytes, and finds its session again', async () => {
    const { sessions } = sessionsAt()
    const client = 'é'.repeat(512)
    const { id } = await sessions.open({ ...BROWSER, client })
    await expect(sessions.open({ ...BROWSER, client })).resolves.toMatchObject({ id, client })
  })

  const long = 'é'.repeat(129)
  const deep = '['.repeat(65) + ']'.repeat(65)
  it.each<[string, string, Partial<OpenArguments>]>([
    ['MISSING_FIELD', 'user_id', { userId: '' }],
    ['INVALID_FIELD', 'user_id', { userId: long }],
    ['INVALID_FIELD', 'user_name', { userName: long }],
    ['INVALID_FIELD', 'address', { address: long }],
    ['INVALID_FIELD', 'client', { client: 'é'.repeat(513) }],
    ['INVALID_FIELD', 'data', { data: deep }],
    ['INVALID_FIELD', 'user', { user: deep }],
    ['INVALID_FIELD', 'data', { data: `"${'é'.repeat(300)}"`, user: `"${'é'.repeat(300)}"` }],
  ])('refuses with %s of %s', async (code, field, wrong) => {
    const { sessions } = sessionsAt()
    await expect(sessions.open({ ...BROWSER, ...wrong })).rejects.toThrow(refusedAs(code, field))
    expect((await sessions.list({ total: true })).total).toBe(0)
  })

  it('is not kept out by sessions that shorter settings have ended, though no sweep came', async () => {
    const { store, sessions } = sessionsAt({ idleTimeoutMs: 0 })
    const openAll = async (opener: typeof sessions, count: number, prefix: string) => {
      for (let i = 0; i < count; i++) {
        await opener.open({ ...BROWSER, client: `${prefix} ${i}` })
      }
    }
    await openAll(sessions, 250, 'old')
    const later = sessionsAt({ maxSessionsPerOwner: 251 }, store)
    later.time.nowMs += 2 * HOUR_MS
    await openAll(later.sessions, 251, 'new')
    expect(await store.countOpen()).toBe(251)
    await expect(later.sessions.open({ ...BROWSER, client: 'more' })).rejects.toThrow(
      refusedAs('QUOTA_EXCEEDED'),
    )
  })

  it('does not count brackets inside strings as depth', async () => {
    const { sessions } = sessionsAt()
    const data = JSON.stringify([`\\"${'['.repeat(100)}`])
    expect((await sessions.open({ ...BROWSER, data })).data).toBe(data)
  })
})

describe('load', () => {
  it('counts as a request, at most once a second', async () => {
    const { sessions, time } = sessionsAt()
    const { id } = await sessions.open(BROWSER)
    time.nowMs += 999
    expect(await sessions.load('u1', id)).toMatchObject({ requestTimeMs: START_MS })
    time.nowMs += 1
    expect(await sessions.load('u1', id)).toMatchObject({ requestTimeMs: START_MS + 1000 })
    time.nowMs += HOUR_MS - 1
    expect(await sessions.load('u1', id)).toMatchObject({ id, active: true })
  })

  it.each<[string, (at: ReturnType<typeof sessionsAt>, id: string) => unknown]>([
    ['is closed', ({ sessions }, id) => sessions.close(id, CALLER)],
    ['is deleted', ({ sessions }, id) => sessions.delete(id, {}, CALLER)],
    ['ends by itself', ({ time }) => (time.nowMs += HOUR_MS)],
  ])('finds nothing where the session %s between reading and writing it', async (_, end) => {
    const at = sessionsAt()
    const { id } = await at.sessions.open(BROWSER)
    at.time.nowMs += 5000
    const update = at.store.update.bind(at.store)
    at.store.update = async (...args) => {
      at.store.update = update
      await end(at, id)
      return update(...args)
    }
    expect(await at.sessions.load('u1', id)).toBeNull()
  })

  it('knows neither sessions of others, nor ended ones, nor ones past their deadline', async () => {
    const { sessions, time } = sessionsAt()
    const { id } = await sessions.open(BROWSER)
    expect(await sessions.load('u2', id)).toBeNull()
    expect(await sessions.load('u1', 'no such id')).toBeNull()
    time.nowMs += HOUR_MS
    expect(await sessions.load('u1', id)).toBeNull()
    const other = await sessions.open(BROWSER)
    await sessions.close(other.id, CALLER)
    expect(await sessions.load('u1', other.id)).toBeNull()
  })
})

describe('storing data and updating the user', () => {
  it('replaces one and leaves the other', async () => {
    const { sessions, time } = sessionsAt()
    const opened = await sessions.open({ ...BROWSER, user: '1', data: '2' })
    time.nowMs += 10
    const requestTimeMs = START_MS + 10
    const stored = await sessions.storeData(opened.id, '3')
    expect(stored).toEqual({ ...opened, requestTimeMs, data: '3' })
    expect(await sessions.updateUser(opened.id, null)).toEqual({ ...stored, user: null })
  })

  it('is refused where it would be lost', async () => {
    const { sessions, time } = sessionsAt()
    const { id } = await sessions.open({ ...BROWSER, user: JSON.stringify('x'.repeat(600)) })
    await expect(sessions.storeData('nobody', '1')).rejects.toThrow(refusedAs('NOT_FOUND'))
    await expect(sessions.updateUser('nobody', '1')).rejects.toThrow(refusedAs('NOT_FOUND'))
    await expect(sessions.storeData(id, '1', { userId: 'u2' })).rejects.toThrow(
      refusedAs('NOT_FOUND'),
    )
    await expect(sessions.storeData('', '1')).rejects.toThrow(refusedAs('MISSING_FIELD'))
    const large = JSON.stringify('x'.repeat(600))
    await expect(sessions.storeData(id, large)).rejects.toThrow(refusedAs('INVALID_FIELD', 'data'))
    const larger = JSON.stringify('x'.repeat(1200))
    await expect(sessions.updateUser(id, larger)).rejects.toThrow(
      refusedAs('INVALID_FIELD', 'user'),
    )
    time.nowMs += HOUR_MS
    await expect(sessions.storeData(id, '1')).rejects.toThrow(refusedAs('CONFLICT'))
    await sessions.closeExpired()
    await expect(sessions.storeData(id, '1')).rejects.toThrow(refusedAs('CONFLICT'))
    await expect(sessions.updateUser(id, '1')).rejects.toThrow(refusedAs('CONFLICT'))
  })
})

describe('close and delete', () => {
  it('closes once, and what callers kept in it ends with it', async () => {
    const { sessions, store, time } = sessionsAt()
    const opened = await sessions.open({ ...BROWSER, user: '1', data: '2' })
    time.nowMs += 7
    const closed = {
      ...opened,
      active: false,
      closeTimeMs: START_MS + 7,
      user: null,
      data: null,
      ending: { reason: 'closed', by: CALLER.name },
    }
    expect(await sessions.close(opened.id, CALLER)).toEqual({ ...closed, wasOpen: true })
    expect(await store.get(opened.id)).toEqual(closed)
    expect(await sessions.get(opened.id)).toEqual(closed)
    expect((await sessions.list({ active: false })).sessions).toEqual([closed])
    time.nowMs += 7
    expect(await sessions.close(opened.id, CALLER)).toEqual({ ...closed, wasOpen: false })
    expect(await sessions.get(opened.id)).toEqual(closed)
    expect(await sessions.delete(opened.id, {}, CALLER)).toEqual(closed)
    expect(await sessions.close('nobody', CALLER)).toBeNull()
  })

  it.each<[string, (at: ReturnType<typeof sessionsAt>, id: string) => Promise<unknown>]>([
    ['the sweep', ({ sessions }) => sessions.closeExpired()],
    ['a command that finds it overdue', ({ sessions }) => sessions.open(BROWSER)],
    ['a list that finds it overdue', ({ sessions }) => sessions.list({ userId: 'u1' })],
    ['a close after its deadline', ({ sessions }, id) => sessions.close(id, CALLER)],
  ])('nothing that callers kept is left in the store by %s', async (_, end) => {
    const at = sessionsAt()
    const { id } = await at.sessions.open({ ...BROWSER, user: '1', data: '2' })
    at.time.nowMs += 2 * HOUR_MS
    const overdue = { active: false, user: null, data: null }
    expect(await at.sessions.get(id)).toMatchObject(overdue)
    await end(at, id)
    expect(await at.store.get(id)).toMatchObject(overdue)
  })

  it('of a token session takes its key away', async () => {
    const { create, sessions, store } = sessionsAt()
    const { id } = await create(claimAt(START_MS, 60))
    expect(await store.seal(id)).toHaveLength(32)
    await sessions.close(id, CALLER)
    expect(await store.seal(id)).toBeUndefined()
  })

  it('by user, address and client closes what a command opened, and nothing else', async () => {
    const { create, sessions } = sessionsAt()
    const token = await create(claimAt(START_MS, 60))
    const { userId, address, client } = token
    await sessions.closeOpened(userId, address, client, CALLER)
    expect(await sessions.get(token.id)).toMatchObject({ active: true })
    const { id } = await sessions.open({ userId, address, client })
    await sessions.closeOpened(userId, address, 'other', CALLER)
    expect(await sessions.get(id)).toMatchObject({ active: true })
    await sessions.closeOpened(userId, address, client, CALLER)
    expect(await sessions.get(id)).toMatchObject({ active: false })
    expect(await sessions.get(token.id)).toMatchObject({ active: true })
  })

  it('deletes the record, for its user where one is given', async () => {
    const { sessions } = sessionsAt()
    const opened = await sessions.open({ ...BROWSER, data: '1' })
    expect(await sessions.delete(opened.id, { userId: 'u2' }, CALLER)).toBeNull()
    expect(await sessions.delete(opened.id, { userId: 'u1' }, CALLER)).toEqual({
      ...opened,
      data: null,
    })
    expect(await sessions.get(opened.id)).toBeNull()
    expect(await sessions.delete(opened.id, {}, CALLER)).toBeNull()
  })

  it('leaves an audit entry of each session that it found, and of nothing else', async () => {
    const { sessions, audited } = sessionsAt()
    const one = await sessions.open(BROWSER)
    const other = await sessions.open({ ...BROWSER, address: 'elsewhere' })
    await sessions.close(one.id, CALLER)
    await sessions.closeOpened('u1', 'elsewhere', BROWSER.client, CALLER)
    await sessions.delete(one.id, { userId: 'mallory' }, CALLER)
    await sessions.delete(one.id, { userId: 'u1' }, CALLER)
    await sessions.close('nobody', CALLER)
    const entry = (action: string, sessionId: string, wasOpen: boolean) => ({
      action,
      caller: CALLER,
      facts: { sessionId, userId: 'u1', wasOpen },
    })
    expect(audited).toEqual([
      entry('close', one.id, true),
      entry('close', other.id, true),
      entry('delete', one.id, false),
    ])
  })

  it('does nothing while the audit log cannot be written', async () => {
    const refused = new StoreUnavailableError('the audit log is full')
    const audit = { check: () => Promise.reject(refused), record: async () => {} }
    const { sessions } = sessionsAt({}, undefined, audit)
    const { id } = await sessions.open(BROWSER)
    await expect(sessions.close(id, CALLER)).rejects.toBe(refused)
    await expect(sessions.delete(id, {}, CALLER)).rejects.toBe(refused)
    expect(await sessions.get(id)).toMatchObject({ active: true })
  })
})

describe('list', () => {
  it('takes at most 100, newest request first, and counts on request', async () => {
    const { sessions, time } = sessionsAt()
    for (let i = 0; i < 103; i++) {
      time.nowMs++
      await sessions.open({ ...BROWSER, client: `${i}` })
    }
    const { sessions: page, total } = await sessions.list({ take: 1000, total: true })
    expect(page.map(({ client }) => client)).toEqual(
      Array.from({ length: 100 }, (_, i) => `${102 - i}`),
    )
    expect(total).toBe(103)
    expect(await sessions.list({ skip: 102, take: 5 })).toMatchObject({
      sessions: [{ client: '0' }],
      total: null,
    })
  })

  it('shows sessions past their deadline as ended, though no sweep came', async () => {
    const { create, sessions, time } = sessionsAt()
    const { id } = await sessions.open(BROWSER)
    const token = await create(claimAt(START_MS, 60))
    time.nowMs += 30 * 60_000
    const fresh = await sessions.open({ ...BROWSER, client: 'fresh' })
    time.nowMs += 45 * 60_000
    const idsOf = async (active?: boolean) =>
      (await sessions.list(active === undefined ? {} : { active })).sessions.map((s) => s.id)
    expect(await idsOf(true)).toEqual([fresh.id])
    expect((await idsOf(false)).sort()).toEqual([id, token.id].sort())
    expect((await sessions.list({ active: true, total: true })).total).toBe(1)
  })

  it.each([
    [{}, 1],
    [{ userId: 'u1', active: true, fromTimeMs: START_MS, toTimeMs: START_MS + 1 }, 1],
    [{ userId: 'u2' }, 0],
    [{ active: false }, 0],
    [{ fromTimeMs: START_MS + 1 }, 0],
    [{ toTimeMs: START_MS }, 0],
    [{ skip: 1 }, 0],
  ])('by id and %j finds %i', async (filter, found) => {
    const { sessions } = sessionsAt()
    const { id } = await sessions.open(BROWSER)
    const { sessions: page, total } = await sessions.list({ ...filter, id, total: true })
    expect(page).toHaveLength(found)
    expect(total).toBe('skip' in filter ? 1 : found)
  })
})

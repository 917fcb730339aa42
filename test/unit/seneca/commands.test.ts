import { describe, expect, it } from 'vitest'
import { actRunner } from '../../../src/seneca/act.js'
import { COMMANDS, type SessionCommands } from '../../../src/seneca/commands.js'
import { hooks, memorySessions } from '../../support/seneca.js'
import { CALLER } from '../../support/sessions.js'

type Act = Readonly<Record<string, unknown>>

function setUp(commands?: SessionCommands) {
  const { sessions, time, store } = memorySessions()
  const { told, observer } = hooks()
  const run = actRunner(commands ?? sessions, observer)
  const act = async (parts: Act) => {
    const { status, json } = await run({ role: 'sessions', ...parts }, CALLER, 'm/1')
    return { status, ...JSON.parse(json) }
  }
  return { run, act, sessions, time, store, told }
}

const OWN = { user_id: 'ann', session_id: 'x' }
const PLACE = { user_id: 'ann', address: 'a', client: 'c' }
const PLACED = { userId: 'ann', address: 'a', client: 'c' }

describe('an act', () => {
  it.each<[string, Act]>([
    ['without a role', { role: undefined }],
    ['of another role', { role: 'entity', cmd: 'list' }],
    ['that would stop the framework', { role: 'seneca', cmd: 'close' }],
    ['that would dump its options', { role: 'seneca', get: 'options' }],
    ['with a default', { role: 'other', default$: { ok: true } }],
    ['of a command that there is not', { cmd: 'drop_all' }],
    ['of a command named as what every object has', { cmd: 'constructor' }],
  ])('%s is not found', async (_, parts) => {
    const { act } = setUp()
    expect(await act(parts)).toMatchObject({ code: 'ACT_NOT_FOUND', status: 404 })
  })

  it.each<[string, Act, string]>([
    ['a role', { role: ['sessions'] }, 'role'],
    ['a command', { cmd: 7 }, 'cmd'],
    ['a version of another type', { cmd: 'get_sessions', version: '1' }, 'version'],
    ['no version', { cmd: 'get_sessions', version: null }, 'version'],
  ])('with what is not %s is refused', async (_, parts, field) => {
    const { act } = setUp()
    expect(await act(parts)).toMatchObject({ code: 'INVALID_FIELD', details: { field } })
  })

  it('without a command says that it needs one', async () => {
    expect(await setUp().act({})).toMatchObject({
      code: 'MISSING_FIELD',
      details: { field: 'cmd' },
    })
  })

  it.each([...COMMANDS.keys()])('%s of version 2 is refused', async (cmd) => {
    const { act } = setUp()
    expect(await act({ cmd, version: 2, ...OWN })).toMatchObject({
      code: 'UNSUPPORTED_VERSION',
      status: 400,
      message: expect.stringContaining('version is 2'),
    })
  })

  it("does the same with the framework's own keys", async () => {
    const { act } = setUp()
    const keys = {
      fatal$: true,
      default$: { a: 1 },
      gate$: true,
      custom$: { x: 1 },
      id$: 'i',
      tx$: 't',
      correlation_id: 'c',
    }
    expect(await act({ cmd: 'get_sessions', filter: {}, ...keys })).toEqual({
      status: 200,
      total: null,
      data: [],
    })
    const missing = await act({ cmd: 'get_session_by_id', ...keys })
    expect(missing).toMatchObject({ code: 'MISSING_FIELD' })
  })

  it.each([
    '{"__proto__":{"cmd":"close_expired_sessions"}}',
    '{"cmd":"open_session","user_id":"u","data":[{"__proto__":{"polluted":true}}]}',
    '{"cmd":"get_sessions","filter":{"\\u005f_proto__":{"user_id":"ann"}}}',
  ])('with a key __proto__ is refused, and nothing is polluted: %s', async (json) => {
    const { run } = setUp()
    const act = { role: 'sessions', cmd: 'get_sessions' }
    const { status, json: answer } = await run(
      JSON.parse(JSON.stringify(act).replace(/}$/, `,${json.slice(1)}`)),
      CALLER,
    )
    expect(status).toBe(400)
    expect(JSON.parse(answer)).toMatchObject({
      code: 'INVALID_FIELD',
      details: { field: '__proto__' },
    })
    expect({}).not.toHaveProperty('polluted')
  })

  it('that fails for a reason of the inside says nothing of it', async () => {
    const failure = new TypeError('secret')
    const { sessions } = memorySessions()
    const { act, told } = setUp(
      withReplaced(sessions, {
        get: () => Promise.reject(failure),
      }),
    )
    const answer = await act({ cmd: 'get_session_by_id', session_id: 'x' })
    expect(answer).toMatchObject({ code: 'INTERNAL', status: 500, message: 'internal error' })
    expect(answer.details).toEqual({ request_id: 'm/1' })
    expect(JSON.stringify(answer)).not.toContain('secret')
    expect(told.internal).toEqual([['get_session_by_id', failure]])
  })

  it('is told of, once, with its command where that is one of ours', async () => {
    const { act, told } = setUp()
    await act({ cmd: 'open_session', ...PLACE })
    await act({ cmd: 'close_session' })
    await act({ cmd: 'made up' })
    await act({ cmd: 'toString' })
    await act({ cmd: ['get_sessions'] })
    await act({ cmd: 'get_sessions', role: 'other' })
    const of = (method: string, code: string, reason?: string) => ({
      ...{ transport: 'seneca', method, code, peer: CALLER.address, givenId: 'm/1' },
      ...(reason !== undefined && { error: { code: reason } }),
    })
    expect(told.ended).toMatchObject([
      of('open_session', '200'),
      of('close_session', '400', 'MISSING_FIELD'),
      of('unknown', '404', 'ACT_NOT_FOUND'),
      of('unknown', '404', 'ACT_NOT_FOUND'),
      of('unknown', '400', 'INVALID_FIELD'),
      of('get_sessions', '404', 'ACT_NOT_FOUND'),
    ])
  })
})

it('the list of an older program has every session that stays open, though others end while it is read', async () => {
  const { sessions, time } = setUp()
  const opened: string[] = []
  for (let i = 0; i < 150; i++) {
    time.nowMs++
    opened.push((await sessions.open({ ...PLACED, address: `${i}` })).id)
  }
  const closing: SessionCommands = Object.assign(Object.create(sessions), {
    // The newest one, which is on the first page.
    async list(...asked: Parameters<SessionCommands['list']>) {
      const page = await sessions.list(...asked)
      await sessions.close(opened.pop() as string, CALLER)
      return page
    },
  })
  const { act } = setUp(closing)
  const listed = Object.values(await act({ cmd: 'get_sessions', user_id: 'ann' }))
  const ids = new Set(listed.map((one) => (one as { id?: string }).id))
  expect(opened.filter((id) => !ids.has(id))).toEqual([])
})

describe('an argument', () => {
  // What stands for each type, and what must be refused in its place.
  const wrong = {
    text: [null, 7, true, {}, ['a'], '\ud800'],
    id: [null, '', true, {}, ['a'], 0.5, 2 ** 53, '\ud800'],
    object: [null, '', 'a', 7, true, []],
    flag: [null, '', 'maybe', 2, -1, {}, [true]],
    count: [null, '', 0.5, '0.5', '1e3', 'ten', true, {}, [1]],
    date: [null, '', 'yesterday', '2030-01-01T00:00:00', true, 1e12 + 0.5, {}, 9e15, '2030-13-01'],
  }
  const open = { cmd: 'open_session' }
  const older = { ...open, user: { id: 'ann' } }
  const newer = { ...open, user_id: 'ann' }
  const list = { cmd: 'get_sessions' }
  const cases: [keyof typeof wrong, string, (value: unknown) => Act][] = [
    ['text', 'user_id', (user_id) => ({ ...list, user_id })],
    ['object', 'filter', (filter) => ({ ...list, filter })],
    ['object', 'paging', (paging) => ({ ...list, paging })],
    ['id', 'filter.id', (id) => ({ ...list, filter: { id } })],
    ['id', 'filter.user_id', (user_id) => ({ ...list, filter: { user_id } })],
    ['flag', 'filter.active', (active) => ({ ...list, filter: { active } })],
    ['date', 'filter.from_time', (from_time) => ({ ...list, filter: { from_time } })],
    ['date', 'filter.to_time', (to_time) => ({ ...list, filter: { to_time } })],
    ['count', 'paging.skip', (skip) => ({ ...list, paging: { skip } })],
    ['count', 'paging.take', (take) => ({ ...list, paging: { take } })],
    ['flag', 'paging.total', (total) => ({ ...list, paging: { total } })],
    ['object', 'user', (user) => ({ ...open, user })],
    ['text', 'user.id', (id) => ({ ...open, user: { id } })],
    ['text', 'user.name', (name) => ({ ...open, user: { id: 'ann', name } })],
    ['text', 'address', (address) => ({ ...older, address })],
    ['text', 'client', (client) => ({ ...older, client })],
    ['text', 'user_id', (user_id) => ({ ...open, user_id })],
    ['text', 'user_name', (user_name) => ({ ...newer, user_name })],
    ['text', 'address', (address) => ({ ...newer, address })],
    ['text', 'client', (client) => ({ ...newer, client })],
    ['text', 'user_id', (user_id) => ({ cmd: 'load_session', ...OWN, user_id })],
    ['text', 'session_id', (session_id) => ({ cmd: 'load_session', ...OWN, session_id })],
    ['text', 'session_id', (session_id) => ({ cmd: 'get_session_by_id', session_id })],
    ['text', 'user_id', (user_id) => ({ cmd: 'store_session_data', ...OWN, data: 1, user_id })],
    ['text', 'session_id', (session_id) => ({ cmd: 'store_session_data', data: 1, session_id })],
    ['text', 'session_id', (session_id) => ({ cmd: 'update_session_user', user: 1, session_id })],
    ['text', 'session_id', (session_id) => ({ cmd: 'close_session', session_id })],
    ['text', 'user_id', (user_id) => ({ cmd: 'close_session', ...PLACE, user_id })],
    ['text', 'address', (address) => ({ cmd: 'close_session', ...PLACE, address })],
    ['text', 'client', (client) => ({ cmd: 'close_session', ...PLACE, client })],
    ['text', 'user_id', (user_id) => ({ cmd: 'delete_session', ...OWN, user_id })],
    ['text', 'session_id', (session_id) => ({ cmd: 'delete_session', ...OWN, session_id })],
    ['text', 'session_id', (session_id) => ({ cmd: 'delete_session_by_id', session_id })],
  ]

  it.each(cases)('that must be a %s, %s, is refused by its name', async (type, field, act) => {
    const { act: run } = setUp()
    for (const value of wrong[type]) {
      expect(await run(act(value)), JSON.stringify(value)).toMatchObject({
        code: 'INVALID_FIELD',
        status: 400,
        message: expect.stringContaining(field),
        details: { field },
      })
    }
  })

  it.each<[string, Act]>([
    ['user_id', { cmd: 'get_sessions', user_id: '' }],
    ['user_id', { cmd: 'load_session', session_id: 'x' }],
    ['session_id', { cmd: 'load_session', user_id: 'ann' }],
    ['user_id, filter or paging', { cmd: 'get_sessions' }],
    ['session_id', { cmd: 'get_session_by_id', session_id: '' }],
    ['user_id', { cmd: 'open_session' }],
    ['user_id', { cmd: 'open_session', user: { name: 'Ann' } }],
    ['user_id', { cmd: 'open_session', user_id: '', user: { id: 'ann' } }],
    ['user.id', { cmd: 'open_session', user: { id: '' } }],
    ['session_id', { cmd: 'store_session_data', data: {} }],
    ['data', { cmd: 'store_session_data', session_id: 'x' }],
    ['data', { cmd: 'store_session_data', session_id: 'x', user_id: 'ann' }],
    ['session_id', { cmd: 'update_session_user', user: {} }],
    ['user', { cmd: 'update_session_user', session_id: 'x' }],
    ['session_id', { cmd: 'close_session' }],
    ['session_id', { cmd: 'close_session', session_id: '' }],
    ['address', { cmd: 'close_session', ...PLACE, address: '' }],
    ['user_id', { cmd: 'close_session', address: 'a', client: 'c' }],
    ['address', { cmd: 'close_session', user_id: 'ann', client: 'c' }],
    ['client', { cmd: 'close_session', user_id: 'ann', address: 'a' }],
    ['session_id', { cmd: 'delete_session', user_id: 'ann' }],
    ['session_id', { cmd: 'delete_session_by_id' }],
  ])('%s that is missing is named: %j', async (field, act) => {
    expect(await setUp().act(act)).toMatchObject({
      code: 'MISSING_FIELD',
      status: 400,
      message: `${field} is required`,
      details: { field },
    })
  })

  it('of another object than the message is not looked at', async () => {
    const { run } = setUp()
    const act = Object.assign(Object.create({ session_id: 'x' }), {
      role: 'sessions',
      cmd: 'get_session_by_id',
    })
    expect(JSON.parse((await run(act, CALLER)).json)).toMatchObject({ code: 'MISSING_FIELD' })
  })

  it('that is too long or too much is refused', async () => {
    const { act } = setUp()
    const long = await act({ cmd: 'open_session', user_id: 'a'.repeat(257) })
    expect(long).toMatchObject({ code: 'INVALID_FIELD', details: { field: 'user_id' } })
    const much = await act({ cmd: 'open_session', user_id: 'a', data: 'x'.repeat(33_000) })
    expect(much).toMatchObject({ code: 'INVALID_FIELD', details: { field: 'data' } })
  })

  it.each([
    '2030-01-01T00:00:00Z',
    '2030-01-01T01:30:00.000+01:30',
    '+002030-01-01T00:00:00.000Z',
    '2030-01-01',
    Date.UTC(2030, 0, 1),
  ])('may be the date %s', async (from_time) => {
    const { act, time } = setUp()
    await act({ cmd: 'open_session', user_id: 'ann' })
    const to_time = new Date(time.nowMs + 1)
    const filter = { from_time, to_time: to_time.toISOString() }
    expect((await act({ cmd: 'get_sessions', filter })).data).toHaveLength(1)
    expect((await act({ cmd: 'get_sessions', filter: { to_time: from_time } })).data).toEqual([])
  })

  it.each([null, 0, false, '', 'text', [], [1, [2]], { a: { b: null } }])(
    'data may be any JSON: %j',
    async (data) => {
      const { act } = setUp()
      const { id } = await act({ cmd: 'open_session', user_id: 'ann', data, user: data })
      expect(await act({ cmd: 'get_session_by_id', session_id: id })).toMatchObject({
        data,
        user: data,
      })
    },
  )
})

describe('a call that is of neither dialect', () => {
  /** What each form of a command has, and what it does not do with one argument more. */
  const forms: Act[] = [
    { cmd: 'get_sessions', user_id: 'ann' },
    { cmd: 'get_sessions', filter: { user_id: 'ann' } },
    { cmd: 'load_session', ...OWN },
    { cmd: 'get_session_by_id', session_id: 'x' },
    { cmd: 'open_session', user: { id: 'ann' } },
    { cmd: 'store_session_data', ...OWN, data: 1 },
    { cmd: 'update_session_user', session_id: 'x', user: 1 },
    { cmd: 'close_session', session_id: 'x' },
    { cmd: 'close_session', ...PLACE },
    { cmd: 'delete_session', ...OWN },
    { cmd: 'delete_session_by_id', session_id: 'x' },
    { cmd: 'close_expired_sessions' },
  ]
  const every = {
    ...OWN,
    ...PLACE,
    user_name: 'n',
    user: { id: 'ann' },
    data: 1,
    filter: {},
    paging: {},
  }
  /** What some form of the same command has beside this one's. */
  const fitting: Readonly<Record<string, readonly string[]>> = {
    get_sessions: ['filter', 'paging'],
    open_session: ['user_id', 'address', 'client', 'data'],
  }
  const cases = forms.flatMap((form) =>
    Object.entries(every)
      .filter(([key]) => !(key in form) && !fitting[form.cmd as string]?.includes(key))
      .flatMap(([key, value]) => [value, null, ''].map((odd) => [form, key, odd] as const)),
  )

  it.each(cases)('%j with %s, %j, is refused and does nothing', async (form, key, odd) => {
    const { act, store } = setUp()
    const { id } = await act({ cmd: 'open_session', ...PLACE, data: 'kept' })
    const own = 'session_id' in form ? { ...form, session_id: id } : form
    const before = await store.get(id)
    const answer = await act({ ...own, [key]: odd })
    expect(answer).toMatchObject({ code: 'INVALID_FIELD', status: 400 })
    expect([key, ...Object.keys(own)]).toContain(answer.details.field)
    expect(answer.message).toContain(answer.details.field)
    expect(await store.get(id)).toEqual(before)
    expect(await store.countOpen()).toBe(1)
  })

  it.each([
    ['filter.userId', { filter: { userId: 'ann' } }],
    ['filter.userid', { filter: { active: true, userid: 'ann' } }],
    ['filter.constructor', { filter: { constructor: 'ann' } }],
    ['paging.limit', { filter: { user_id: 'ann' }, paging: { limit: 1 } }],
    ['paging.Take', { paging: { Take: 1 } }],
  ])('for an unknown key is told it, %s, and what there is', async (field, args) => {
    const answer = await setUp().act({ cmd: 'get_sessions', ...args })
    expect(answer).toMatchObject({ code: 'INVALID_FIELD', details: { field } })
    expect(answer.message).toMatch(/it may have (id, user_id|skip, take)/)
  })

  it.each([
    [{ filters: { user_id: 'ann' }, paging: {} }, 'filters'],
    [{ userId: 'ann', filter: {} }, 'userId'],
    [{ user_id: 'ann', constructor: 1 }, 'constructor'],
  ])('lists nobody where a key is unknown: %j', async (args, field) => {
    const { act } = setUp()
    await act({ cmd: 'open_session', ...PLACE })
    const answer = await act({ cmd: 'get_sessions', ...args })
    expect(answer).toMatchObject({ status: 400, code: 'INVALID_FIELD', details: { field } })
  })

  it.each([
    ['an argument', (key: string) => ({ [key]: 1 })],
    ['a filter', (key: string) => ({ filter: { [key]: 1 } })],
  ])('has no more of %s that is unknown in its answer than tells which', async (_, args) => {
    const answer = await setUp().act({ cmd: 'get_sessions', ...args('x'.repeat(10_000)) })
    expect(answer).toMatchObject({ status: 400, details: { field: expect.stringMatching(/x…$/) } })
    expect(JSON.stringify(answer).length).toBeLessThan(2_000)
  })

  it('lists nobody for a user who is null', async () => {
    const { act } = setUp()
    await act({ cmd: 'open_session', ...PLACE })
    for (const [args, field] of [
      [{ user_id: null }, 'user_id'],
      [{ filter: null }, 'filter'],
      [{ paging: null }, 'paging'],
      [{ filter: null, paging: {} }, 'filter'],
      [{ filter: { user_id: null } }, 'filter.user_id'],
      [{ user_id: 'ann', paging: { take: 10 } }, 'user_id'],
    ] as const) {
      const answer = await act({ cmd: 'get_sessions', ...args })
      expect(answer).toMatchObject({ status: 400, details: { field } })
    }
  })
})

describe('close_session', () => {
  it('by an id answers with the session as it is now, and null for an unknown one', async () => {
    const { act, time } = setUp()
    const { status, ...opened } = await act({ cmd: 'open_session', ...PLACE, user: 1, data: 2 })
    time.nowMs += 1000
    const ended = { active: false, close_time: new Date(time.nowMs).toISOString() }
    const closed = { ...opened, ...ended, user: null, data: null }
    const close = { cmd: 'close_session', session_id: opened.id }
    expect(await act(close)).toEqual({ status, ...closed })
    expect(await act(close)).toEqual({ status, ...closed })
    expect(await act({ ...close, cmd: 'delete_session_by_id' })).toEqual({ status, ...closed })
    expect(await act(close)).toEqual({ status })
  })
})

describe('get_sessions', () => {
  it('of the older dialect lists all that are open, past a page, newest request first', async () => {
    const { act, time } = setUp()
    for (let n = 0; n < 250; n++) {
      time.nowMs++
      await act({ cmd: 'open_session', ...PLACE, client: `${n}` })
    }
    await act({ cmd: 'close_session', ...PLACE, client: '7' })
    const { status, ...listed } = await act({ cmd: 'get_sessions', user_id: 'ann' })
    const clients = Object.values(listed).map((session) => (session as { client: string }).client)
    expect(clients).toEqual(
      Array.from({ length: 250 }, (_, n) => `${249 - n}`).filter((client) => client !== '7'),
    )
  })

  it('of the older dialect shows none twice that moves between two pages', async () => {
    const { sessions, act: open, time } = setUp()
    const ids: string[] = []
    for (let n = 0; n < 150; n++) {
      time.nowMs++
      ids.push((await open({ cmd: 'open_session', user_id: 'ann', client: `${n}` })).id)
    }
    time.nowMs += 10_000
    const { act } = setUp(
      withReplaced(sessions, {
        async list(args) {
          const page = await sessions.list(args)
          await sessions.load('ann', ids[60] as string)
          return page
        },
      }),
    )
    const { status, ...listed } = await act({ cmd: 'get_sessions', user_id: 'ann' })
    expect(Object.values(listed)).toHaveLength(150)
  })

  it('of the older dialect refuses what no one answer should carry', async () => {
    const { act } = setUp()
    const open = (n: number) => act({ cmd: 'open_session', user_id: 'ann', client: `${n}` })
    for (let n = 0; n < 1000; n++) {
      await open(n)
    }
    const { status, ...listed } = await act({ cmd: 'get_sessions', user_id: 'ann' })
    expect([status, Object.values(listed).length]).toEqual([200, 1000])
    await open(1000)
    expect(await act({ cmd: 'get_sessions', user_id: 'ann' })).toMatchObject({
      code: 'INVALID_FIELD',
      message: expect.stringContaining('filter and paging'),
    })
    const paged = await act({
      cmd: 'get_sessions',
      filter: { user_id: 'ann' },
      paging: { take: 5000 },
    })
    expect(paged.data).toHaveLength(100)
  })

  // How the existing client sends them: every value of a filter as a text, and null for no paging.
  it.each<[string, Act, number]>([
    ['text', { filter: { user_id: '1', active: 'true' }, paging: null }, 2],
    ['text', { filter: { active: 'false', user_id: '1' } }, 1],
    ['text', { filter: { user_id: '1' }, paging: { skip: '1', take: '1', total: 'true' } }, 1],
    ['number', { filter: { user_id: 1, active: 1 } }, 2],
    ['number', { filter: { user_id: 1, active: 0 } }, 1],
    ['number', { filter: { user_id: 1 }, paging: { skip: -1, take: 1e300 } }, 3],
    ['number', { filter: { user_id: 1 }, paging: { take: -1 } }, 0],
    ['letter', { filter: { user_id: 1, active: 'Y' } }, 2],
  ])('takes a %s for what it means: %j', async (_, args, found) => {
    const { act } = setUp()
    for (const client of ['a', 'b', 'c']) {
      await act({ cmd: 'open_session', ...PLACE, user_id: '1', client })
    }
    await act({ cmd: 'close_session', ...PLACE, user_id: '1' })
    const page = await act({ cmd: 'get_sessions', ...args })
    expect(page.data).toHaveLength(found)
  })
})

/** The same sessions, with some of their methods replaced. */
function withReplaced(
  sessions: SessionCommands,
  methods: Partial<SessionCommands>,
): SessionCommands {
  return Object.assign(Object.create(sessions), methods)
}

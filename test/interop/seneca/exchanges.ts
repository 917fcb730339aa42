import { expect } from 'vitest'

/** What a client asks, and what its callback gets: a result, or an error. */
export interface Exchange {
  /** Without `role` and `version`. `$N.path` stands for a value of the Nth result. */
  readonly act: Readonly<Record<string, unknown>>
  readonly result?: unknown
  readonly error?: {
    readonly message: string
    readonly code: string
    readonly status: number
    readonly details: Readonly<Record<string, string>>
  }
}

/** The time stands still at this one. */
const NOW = '2030-01-01T00:00:00.000Z'

const ann = { id: 'ann', name: 'Ann', roles: ['admin'] }
const fromHome = { address: '10.0.0.1', client: 'web' }
const data = { text: 'naïve ☕', list: [1, 'two', null, { deep: [[]] }], when: NOW, none: null }

const older = {
  id: 'session 1',
  opened: NOW,
  last_request: NOW,
  ...fromHome,
  user: ann,
  data,
}
const { user: _, ...olderListed } = older

const bob = { user_id: 'bob', user_name: 'Bob' }
const newer = {
  id: 'session 2',
  ...bob,
  active: true,
  open_time: NOW,
  request_time: NOW,
  close_time: null,
  ...fromHome,
  user: { theme: 'dark' },
  data: [1, 2],
}
const closed = { ...newer, active: false, close_time: NOW, user: null, data: null }

const missing = (field: string) => ({
  message: `${field} is required`,
  code: 'MISSING_FIELD',
  status: 400,
  details: { field },
})
const invalid = (field: string, problem: string) => ({
  message: `${field} ${problem}`,
  code: 'INVALID_FIELD',
  status: 400,
  details: { field },
})
const notFound = (id: string) => ({
  message: `there is no session ${id}`,
  code: 'NOT_FOUND',
  status: 404,
  details: { session_id: id },
})

const olderDialect: Exchange[] = [
  { act: { cmd: 'open_session', user: ann, ...fromHome, data }, result: older },
  { act: { cmd: 'open_session', user: ann, ...fromHome }, result: older },
  { act: { cmd: 'get_sessions', user_id: 'ann' }, result: [olderListed] },
  { act: { cmd: 'get_sessions', user_id: 'nobody' }, result: [] },
  { act: { cmd: 'load_session', user_id: 'ann', session_id: '$0.id' }, result: older },
  { act: { cmd: 'load_session', user_id: 'eve', session_id: '$0.id' }, result: null },
  { act: { cmd: 'load_session', user_id: 'ann', session_id: 'none' }, result: null },
  {
    act: { cmd: 'store_session_data', user_id: 'ann', session_id: '$0.id', data: { n: 2 } },
    result: null,
  },
  {
    act: { cmd: 'store_session_data', user_id: 'eve', session_id: '$0.id', data: { n: 3 } },
    error: notFound('session 1'),
  },
  {
    act: { cmd: 'load_session', user_id: 'ann', session_id: '$0.id' },
    result: { ...older, data: { n: 2 } },
  },
  {
    act: { cmd: 'store_session_data', user_id: 'ann', session_id: '$0.id', data: null },
    result: null,
  },
  {
    act: { cmd: 'load_session', user_id: 'ann', session_id: '$0.id' },
    result: { ...older, data: null },
  },
  { act: { cmd: 'close_session', user_id: 'ann', ...fromHome }, result: null },
  { act: { cmd: 'close_session', user_id: 'ann', ...fromHome }, result: null },
  { act: { cmd: 'load_session', user_id: 'ann', session_id: '$0.id' }, result: null },
  { act: { cmd: 'get_sessions', user_id: 'ann' }, result: [] },
  {
    act: { cmd: 'store_session_data', user_id: 'ann', session_id: '$0.id', data: {} },
    error: {
      message: 'session session 1 has ended: nothing was written',
      code: 'CONFLICT',
      status: 409,
      details: { session_id: 'session 1' },
    },
  },
  { act: { cmd: 'delete_session', user_id: 'eve', session_id: '$0.id' }, result: null },
  {
    act: { cmd: 'get_session_by_id', session_id: '$0.id' },
    result: {
      ...closed,
      id: 'session 1',
      user_id: 'ann',
      user_name: 'Ann',
    },
  },
  { act: { cmd: 'delete_session', user_id: 'ann', session_id: '$0.id' }, result: null },
  { act: { cmd: 'get_session_by_id', session_id: '$0.id' }, result: null },
]

const ID = `$${olderDialect.length}.id`

const newerDialect: Exchange[] = [
  {
    act: { cmd: 'open_session', ...bob, ...fromHome, user: newer.user, data: newer.data },
    result: newer,
  },
  { act: { cmd: 'open_session', ...bob, ...fromHome }, result: newer },
  { act: { cmd: 'get_session_by_id', session_id: ID }, result: newer },
  { act: { cmd: 'get_session_by_id', session_id: 'none' }, result: null },
  { act: { cmd: 'get_sessions', filter: {} }, result: { total: null, data: [newer] } },
  {
    act: {
      cmd: 'get_sessions',
      filter: { user_id: 'bob', active: true, from_time: NOW, to_time: '2030-01-01T00:00:00.001Z' },
      paging: { skip: 0, take: 1, total: true },
    },
    result: { total: 1, data: [newer] },
  },
  {
    act: { cmd: 'get_sessions', filter: { to_time: Date.parse(NOW) }, paging: { total: true } },
    result: { total: 0, data: [] },
  },
  {
    act: {
      cmd: 'get_sessions',
      filter: { user_id: 'bob', active: 'true' },
      paging: { skip: '-1', take: '1000', total: 'true' },
    },
    result: { total: 1, data: [newer] },
  },
  { act: { cmd: 'get_sessions', filter: { id: ID } }, result: { total: null, data: [newer] } },
  {
    act: { cmd: 'get_sessions', filter: { user_id: 'bob' }, paging: { skip: 1 } },
    result: { total: null, data: [] },
  },
  {
    act: { cmd: 'store_session_data', session_id: ID, data: { a: 1 } },
    result: { ...newer, data: { a: 1 } },
  },
  {
    act: { cmd: 'store_session_data', session_id: ID, data: null },
    result: { ...newer, data: null },
  },
  { act: { cmd: 'store_session_data', session_id: 'none', data: {} }, error: notFound('none') },
  {
    act: { cmd: 'update_session_user', session_id: ID, user: { theme: 'light' } },
    result: { ...newer, data: null, user: { theme: 'light' } },
  },
  { act: { cmd: 'update_session_user', session_id: 'none', user: {} }, error: notFound('none') },
  { act: { cmd: 'close_expired_sessions' }, result: null },
  { act: { cmd: 'close_session', session_id: ID }, result: closed },
  { act: { cmd: 'close_session', session_id: ID }, result: closed },
  { act: { cmd: 'close_session', session_id: 'none' }, result: null },
  { act: { cmd: 'get_session_by_id', session_id: ID }, result: closed },
  {
    act: { cmd: 'get_sessions', filter: { active: false } },
    result: { total: null, data: [closed] },
  },
  {
    act: { cmd: 'update_session_user', session_id: ID, user: {} },
    error: {
      message: 'session session 2 has ended: nothing was written',
      code: 'CONFLICT',
      status: 409,
      details: { session_id: 'session 2' },
    },
  },
  {
    act: { cmd: 'delete_session_by_id', session_id: ID },
    result: closed,
  },
  { act: { cmd: 'delete_session_by_id', session_id: ID }, result: null },
  { act: { cmd: 'delete_session', session_id: ID }, result: null },
]

const errors: Exchange[] = [
  { act: { cmd: 'get_sessions' }, error: missing('user_id, filter or paging') },
  { act: { cmd: 'get_sessions', user_id: null }, error: invalid('user_id', 'must be a text') },
  {
    act: { cmd: 'store_session_data', user_id: null, session_id: 'x', data: 1 },
    error: invalid('user_id', 'must be a text'),
  },
  {
    act: { cmd: 'get_sessions', filter: { userId: 'ann' } },
    error: invalid(
      'filter.userId',
      'is not known: it may have id, user_id, active, from_time, to_time',
    ),
  },
  {
    act: { cmd: 'close_session', session_id: 'x', user_id: 'ann' },
    error: invalid('user_id', 'is not taken here: this form of the command has session_id alone'),
  },
  { act: { cmd: 'get_session_by_id' }, error: missing('session_id') },
  { act: { cmd: 'load_session', session_id: 'x' }, error: missing('user_id') },
  { act: { cmd: 'open_session', user: { name: 'Ann' } }, error: missing('user_id') },
  { act: { cmd: 'store_session_data', session_id: 'x' }, error: missing('data') },
  { act: { cmd: 'update_session_user', session_id: 'x' }, error: missing('user') },
  { act: { cmd: 'close_session', user_id: 'ann', client: '' }, error: missing('address') },
  { act: { cmd: 'delete_session', user_id: 'ann' }, error: missing('session_id') },
  {
    act: { cmd: 'get_sessions', filter: { active: 'maybe' } },
    error: invalid('filter.active', 'must be true or false'),
  },
  {
    act: { cmd: 'open_session', user_id: 'bob', data: 'x'.repeat(40_000) },
    error: {
      message: 'data and user have 40002 bytes of JSON together; they may have 32768',
      code: 'INVALID_FIELD',
      status: 400,
      details: { field: 'data' },
    },
  },
  {
    act: { cmd: 'no_such_command' },
    error: {
      message: expect.stringContaining('there is no such act'),
      code: 'ACT_NOT_FOUND',
      status: 404,
      details: {},
    },
  },
]

const tooLong: Exchange = {
  act: { cmd: 'open_session', user_id: 'bob', data: 'x'.repeat(2 * 1024 * 1024) },
  error: {
    message: 'the message has more than 1048576 bytes',
    code: 'REQUEST_REFUSED',
    status: 413,
    details: {},
  },
}

/** Every command of both dialects. */
export const EXCHANGES = {
  // Over HTTP a connection ends with such a request, whose client may then be writing still.
  tcp: [...olderDialect, ...newerDialect, tooLong, ...errors],
  http: [...olderDialect, ...newerDialect, ...errors],
}

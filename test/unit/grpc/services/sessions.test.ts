import { Client, credentials, Metadata, status } from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ReplyDetails } from '#generated/sessiond/v1/sessions'
import {
  SessionIdRequest,
  SessionObjectReply,
  SessionOpenRequest,
  SessionPageReply,
  SessionPageRequest,
  SessionStoreDataRequest,
  SessionUpdateUserRequest,
} from '#generated/sessions_v1/sessions'
import * as errors from '../../../../src/core/errors.js'
import { describe as describeError } from '../../../../src/grpc/services/error-description.js'
import { sessionsService } from '../../../../src/grpc/services/sessions.js'
import type { GrpcServer } from '../../../../src/grpc/transport/server.js'
import { startTestGrpc } from '../../../support/grpc.js'
import { MemoryStore } from '../../../support/memory-store.js'
import { recordCalls } from '../../../support/observer.js'
import { claimAt, HOUR_MS, START_MS, sessionsAt } from '../../../support/sessions.js'

class Store extends MemoryStore {
  failure: Error | undefined

  override async get(id: string) {
    if (this.failure !== undefined && id === 'fails') {
      throw this.failure
    }
    return super.get(id)
  }
}

const store = new Store()
const { create, sessions, time } = sessionsAt({}, store)
const calls = recordCalls()
let server: GrpcServer
let client: Client

beforeAll(async () => {
  server = await startTestGrpc({
    'sessions_v1.Sessions': sessionsService(sessions, calls),
  })
  client = new Client(server.address, credentials.createInsecure())
})
afterAll(async () => {
  client.close()
  await server.close(0)
})

/** One call of raw bytes; rejects with the status. */
function raw(method: string, bytes: Uint8Array, metadata = new Metadata()): Promise<Buffer> {
  return new Promise((resolve, reject) =>
    client.makeUnaryRequest<Buffer, Buffer>(
      `/sessions_v1.Sessions/${method}`,
      (b) => b,
      (b) => b,
      Buffer.from(bytes),
      metadata,
      (error, reply) => (error ? reject(error) : resolve(reply as Buffer)),
    ),
  )
}

/** Whatever a message leaves out is its default. */
async function act(method: string, request: object, metadata?: Metadata) {
  const type = {
    get_sessions: SessionPageRequest,
    open_session: SessionOpenRequest,
    store_session_data: SessionStoreDataRequest,
    update_session_user: SessionUpdateUserRequest,
  }[method]
  const bytes = (type ?? SessionIdRequest).encode(
    (type ?? SessionIdRequest).fromJSON(request) as never,
  )
  const reply = await raw(method, bytes.finish(), metadata)
  return method === 'get_sessions'
    ? SessionPageReply.decode(reply)
    : SessionObjectReply.decode(reply)
}

const session = async (method: string, request: object, metadata?: Metadata) =>
  (await act(method, request, metadata)) as SessionObjectReply
const list = async (request: object, metadata?: Metadata) =>
  (await act('get_sessions', request, metadata)) as SessionPageReply

function metadata(texts: Record<string, string>): Metadata {
  const made = new Metadata()
  for (const [key, text] of Object.entries(texts)) {
    made.set(key, key.endsWith('-bin') ? Buffer.from(text) : text)
  }
  return made
}

let users = 0
/** A user whom no other test knows. */
const newUser = () => `user ${++users} é`

async function open(userId: string, parts: object = {}) {
  const { session: opened } = await session('open_session', { userId, client: 'app', ...parts })
  return opened as NonNullable<typeof opened>
}

describe('sessions_v1.Sessions', () => {
  it('opens a session, and finds it again with what was not given left as it was', async () => {
    const userId = newUser()
    const opened = await open(userId, {
      userName: 'U',
      address: 'here',
      user: '{"a":1}',
      data: '[1]',
    })
    expect(opened).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      userId,
      userName: 'U',
      active: true,
      openTime: new Date(START_MS).toISOString(),
      requestTime: new Date(START_MS).toISOString(),
      closeTime: '',
      address: 'here',
      client: 'app',
      user: '{"a":1}',
      data: '[1]',
    })
    expect(await open(userId, { address: 'here' })).toEqual(opened)
    expect(await open(userId, { address: 'here', data: 'null' })).toEqual({ ...opened, data: '' })
  })

  it('stores data and user, closes, and deletes', async () => {
    const { id } = await open(newUser())
    const stored = await session('store_session_data', { sessionId: id, data: '{"n":1}' })
    expect(stored).toMatchObject({ error: undefined, session: { id, data: '{"n":1}' } })
    const updated = await session('update_session_user', { sessionId: id, user: '"x"' })
    expect(updated.session).toMatchObject({ user: '"x"', data: '{"n":1}' })
    const closed = await session('close_session', { sessionId: id })
    expect(closed.session).toMatchObject({
      ...{ id, active: false, user: '', data: '' },
      closeTime: new Date(START_MS).toISOString(),
    })
    for (const method of ['get_session_by_id', 'close_session', 'delete_session_by_id']) {
      expect(await session(method, { sessionId: id })).toEqual(closed)
    }
  })

  it('deletes an open session without telling what callers kept in it', async () => {
    const { id } = await open(newUser(), { user: '1', data: '2' })
    const { session: deleted } = await session('delete_session_by_id', { sessionId: id })
    expect(deleted).toMatchObject({ id, active: true, user: '', data: '' })
  })

  it('stores null for an empty text', async () => {
    const { id } = await open(newUser(), { user: '1', data: '2' })
    const stored = await session('store_session_data', { sessionId: id })
    expect(stored).toMatchObject({ error: undefined, session: { user: '1', data: '' } })
    const updated = await session('update_session_user', { sessionId: id })
    expect(updated).toMatchObject({ error: undefined, session: { user: '', data: '' } })
    expect(await store.get(id)).toMatchObject({ user: null, data: null })
  })

  it('leaves user and data out of a list, unless the metadata asks for them', async () => {
    const userId = newUser()
    await open(userId, { user: '1', data: '2' })
    const filter = { user_id: userId }
    expect((await list({ filter })).page?.data).toMatchObject([{ user: '', data: '' }])
    const asking = metadata({ 'sessiond-with-data': '1' })
    expect((await list({ filter }, asking)).page?.data).toMatchObject([{ user: '1', data: '2' }])
  })

  it.each(['get_session_by_id', 'close_session', 'delete_session_by_id'])(
    'answers %s of an unknown id with neither session nor error',
    async (method) => {
      expect(
        await raw(method, SessionIdRequest.encode({ correlationId: '', sessionId: 'no' }).finish()),
      ).toHaveLength(0)
    },
  )

  it('lists token sessions beside the others, without what makes them such', async () => {
    const { id, userId } = await create(claimAt(START_MS, 600))
    const { page } = await list({ filter: { user_id: userId } })
    expect(page?.data).toEqual([expect.objectContaining({ id, userId, user: '', data: '' })])
  })

  it('lists by filter and page, and counts only when asked', async () => {
    const userId = newUser()
    const ids: string[] = []
    for (let i = 0; i < 102; i++) {
      ids.unshift((await open(userId, { client: `c${i}` })).id)
      time.nowMs++
    }
    const filter = { user_id: userId }
    const firstPage = await list({ filter })
    expect(firstPage.page?.data.map(({ id }) => id)).toEqual(ids.slice(0, 100))
    expect(firstPage.page?.total).toBe(0n)
    const rest = await list({ filter, paging: { skip: '100', take: 7, total: true } })
    expect(rest.page).toMatchObject({ total: 102n, data: [{ id: ids[100] }, { id: ids[101] }] })
    await session('close_session', { sessionId: ids[0] })
    const ended = await list({ filter: { ...filter, active: 'false' } })
    expect(ended.page?.data.map(({ id }) => id)).toEqual([ids[0]])
    const times = { from_time: `${START_MS}`, to_time: new Date(START_MS + 2).toISOString() }
    const odd = await list({
      filter: { ...filter, active: 'T' },
      paging: { skip: '-1', take: 101 },
    })
    expect(odd.page?.data.map(({ id }) => id)).toEqual(ids.slice(1, 101))
    for (const paging of [{ take: -1 }, { skip: '9007199254740993' }]) {
      expect((await list({ filter, paging })).page?.data).toEqual([])
    }
    const early = await list({ filter: { ...filter, ...times } })
    expect(early.page?.data.map(({ id }) => id)).toEqual(ids.slice(-2))
    const one = await list({ filter: { id: ids[5] } })
    expect(one.page?.data.map(({ id }) => id)).toEqual([ids[5]])
  })

  it('ends what is due at close_expired_sessions', async () => {
    const { id } = await open(newUser())
    time.nowMs += 3_600_000
    expect(await raw('close_expired_sessions', new Uint8Array())).toHaveLength(0)
    expect(await store.get(id)).toMatchObject({ active: false })
  })
})

describe('an error of a use case', () => {
  it.each([
    ['get_session_by_id', {}, 'MISSING_FIELD', 'session_id'],
    ['get_session_by_id', { sessionId: 'x'.repeat(257) }, 'INVALID_FIELD', 'session_id'],
    ['close_session', {}, 'MISSING_FIELD', 'session_id'],
    ['open_session', {}, 'MISSING_FIELD', 'user_id'],
    ['open_session', { userId: 'u', user: '{' }, 'INVALID_FIELD', 'user'],
    ['open_session', { userId: 'u', data: 'undefined' }, 'INVALID_FIELD', 'data'],
    ['open_session', { userId: 'u', data: '['.repeat(9999) }, 'INVALID_FIELD', 'data'],
    ['open_session', { userId: 'u', data: `"${'x'.repeat(1000)}"` }, 'INVALID_FIELD', 'data'],
    ['store_session_data', { data: '1' }, 'MISSING_FIELD', 'session_id'],
    ['store_session_data', { sessionId: 'no', data: '{' }, 'INVALID_FIELD', 'data'],
    ['store_session_data', { sessionId: 'no', data: '1' }, 'NOT_FOUND', undefined],
    ['update_session_user', { user: '1' }, 'MISSING_FIELD', 'session_id'],
    ['update_session_user', { sessionId: 'no', user: '1' }, 'NOT_FOUND', undefined],
    ['get_sessions', { filter: { active: 'maybe' } }, 'INVALID_FIELD', 'filter.active'],
    ['get_sessions', { filter: { active: '' } }, 'INVALID_FIELD', 'filter.active'],
    ['get_sessions', { filter: { id: '' } }, 'INVALID_FIELD', 'filter.id'],
    ['get_sessions', { filter: { user_id: '' } }, 'INVALID_FIELD', 'filter.user_id'],
    ['get_sessions', { filter: { userid: 'x', id: 'y' } }, 'INVALID_FIELD', 'filter.userid'],
    ['get_sessions', { filter: { constructor: 'z' } }, 'INVALID_FIELD', 'filter.constructor'],
    ['get_sessions', { filter: { from_time: '1 May' } }, 'INVALID_FIELD', 'filter.from_time'],
    ['get_sessions', { filter: { to_time: '' } }, 'INVALID_FIELD', 'filter.to_time'],
  ])('stands in the reply of %s %j', async (method, request, code, field) => {
    const { error } = await act(method, { ...request, correlationId: 'c-1' })
    expect(error).toMatchObject({ code, correlationId: 'c-1', cause: '', stackTrace: '' })
    expect(error?.details.get('field')).toBe(field)
    expect(error?.message).toContain(field ?? 'no')
  })

  it('names the filters that there are', async () => {
    const { error } = await list({ filter: { userid: 'x' } })
    expect(error?.message).toMatch(/it may have id, user_id, active, from_time, to_time$/)
  })

  it('tells of a conflict as pip-services clients expect it', async () => {
    const { id } = await open(newUser())
    await session('close_session', { sessionId: id })
    const reply = await session('store_session_data', {
      correlationId: 'c-2',
      sessionId: id,
      data: '1',
    })
    expect(reply).toEqual({
      session: undefined,
      error: {
        type: 'ConflictError',
        category: 'Conflict',
        code: 'CONFLICT',
        correlationId: 'c-2',
        status: '409',
        message: `session ${id} has ended: nothing was written`,
        cause: '',
        stackTrace: '',
        details: new Map([['session_id', id]]),
      },
    })
  })

  it('is thrown on where no use case answers with it', () => {
    for (const error of [new errors.SealError('p'), new Error('a secret')]) {
      expect(() => describeError(error, '')).toThrow(error)
    }
  })
})

describe('an error of the transport', () => {
  it.each([
    ['an end too soon', Buffer.of(0x12, 5, 1)],
    ['an overlong varint', Buffer.alloc(20, 0xff)],
    ['a group without end', Buffer.of(0x1b)],
  ])('is a status: %s', async (_, bytes) => {
    await expect(raw('get_session_by_id', bytes)).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: 'the request is no message of the contract',
    })
  })

  it('is a status: more than 128 KiB', async () => {
    await expect(raw('open_session', Buffer.alloc(129 * 1024))).rejects.toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
    })
  })

  it('is INTERNAL without a word where the server failed, and the log has it', async () => {
    store.failure = new Error('a secret')
    await expect(session('get_session_by_id', { sessionId: 'fails' })).rejects.toMatchObject({
      code: status.INTERNAL,
      details: 'internal error (request made)',
    })
    expect(calls.internal).toEqual([['sessions_v1.Sessions/get_session_by_id', store.failure]])
    store.failure = new errors.StoreUnavailableError('it is closed')
    const { error } = await session('get_session_by_id', { sessionId: 'fails' })
    expect(error).toMatchObject({ category: 'NoResponse', status: '503' })
    // The call's status is OK: only the reply tells, and the observer.
    expect(calls.ended.at(-1)).toMatchObject({ code: 'OK', error: store.failure })
  })
})

describe('what the bridge says in metadata', () => {
  const theirs = (userId: string) => metadata({ 'sessiond-user-id-bin': userId })

  const values = {
    'sessiond-user-id-bin': 'mallory',
    'sessiond-address-bin': 'here',
    'sessiond-client-bin': 'app',
    'sessiond-load': '1',
    'sessiond-with-data': '1',
  }
  const meant: Readonly<Record<string, readonly string[]>> = {
    get_sessions: ['sessiond-with-data'],
    get_session_by_id: ['sessiond-user-id-bin', 'sessiond-load'],
    open_session: [],
    store_session_data: ['sessiond-user-id-bin'],
    update_session_user: [],
    close_session: [],
    delete_session_by_id: ['sessiond-user-id-bin'],
    close_expired_sessions: [],
  }
  const cases = Object.entries(meant).flatMap(([method, keys]) =>
    Object.entries(values).flatMap(([key, value]) => {
      return keys.includes(key) ? [] : [[method, { [key]: value }, key] as const]
    }),
  )
  it.each([
    ...cases,
    ['get_session_by_id', { 'sessiond-load': 'true' }, 'sessiond-load'] as const,
    // Its key ends in -bin.
    ['delete_session_by_id', { 'sessiond-user-id': 'mallory' }, 'sessiond-user-id'] as const,
    ['get_sessions', { 'sessiond-with-data': '' }, 'sessiond-with-data'] as const,
    ['get_session_by_id', { 'sessiond-user-id-bin': '' }, 'sessiond-user-id-bin'] as const,
    ['store_session_data', { 'sessiond-user-id-bin': '' }, 'sessiond-user-id-bin'] as const,
    ['delete_session_by_id', { 'sessiond-user-id-bin': '' }, 'sessiond-user-id-bin'] as const,
  ])('is never passed over: %s with %j', async (method, texts, field) => {
    const userId = newUser()
    const { id } = await open(userId, { data: '1' })
    const request = { userId, sessionId: id, data: '2', user: '2' }
    const { error } = await act(method, request, metadata(texts))
    expect(error?.details.get('field')).toBe(field)
    expect(await store.get(id)).toMatchObject({ active: true, data: '1', user: null })
  })

  it('is never taken from the first of two', async () => {
    const { id, userId } = await open(newUser())
    const both = theirs(userId)
    both.add('sessiond-user-id-bin', Buffer.from('mallory'))
    const { error } = await session('delete_session_by_id', { sessionId: id }, both)
    expect(error).toMatchObject({ code: 'INVALID_FIELD' })
    expect(await store.get(id)).toBeDefined()
  })

  it('keeps a session from a user whose it is not', async () => {
    const userId = newUser()
    const { id } = await open(userId)
    const request = { sessionId: id, data: '1' }
    for (const method of ['get_session_by_id', 'delete_session_by_id']) {
      expect(await session(method, request, theirs('mallory'))).toEqual({})
    }
    const stored = await session('store_session_data', request, theirs('mallory'))
    expect(stored.error).toMatchObject({ code: 'NOT_FOUND' })
    expect(await store.get(id)).toMatchObject({ active: true, data: null })
    const { session: got } = await session('get_session_by_id', request, theirs(userId))
    expect(got).toMatchObject({ id, userId })
    await session('store_session_data', request, theirs(userId))
    const { session: deleted } = await session('delete_session_by_id', request, theirs(userId))
    expect(deleted).toMatchObject({ id, data: '' })
  })

  it('makes a get count as a request of an open session', async () => {
    const userId = newUser()
    const { id, requestTime } = await open(userId)
    time.nowMs += 5000
    const get = { sessionId: id }
    const plain = await session('get_session_by_id', get, theirs(userId))
    expect(plain.session?.requestTime).toBe(requestTime)
    const loading = metadata({ 'sessiond-user-id-bin': userId, 'sessiond-load': '1' })
    const { session: loaded } = await session('get_session_by_id', get, loading)
    expect(loaded?.requestTime).toBe(new Date(time.nowMs).toISOString())
    await session('close_session', get)
    expect(await session('get_session_by_id', get, loading)).toEqual({})
    const { error } = await session('get_session_by_id', get, metadata({ 'sessiond-load': '1' }))
    expect(error).toMatchObject({ code: 'MISSING_FIELD' })
  })

  it.each(['here é', ''])(
    'closes what a command opened for a user, address and client: %j',
    async (address) => {
      const userId = newUser()
      const opened = await open(userId, { address })
      const other = await open(userId, { address, client: 'other' })
      const place = metadata({
        'sessiond-user-id-bin': userId,
        'sessiond-address-bin': address,
        'sessiond-client-bin': 'app',
      })
      expect(await session('close_session', {}, place)).toEqual({})
      expect(await store.get(opened.id)).toMatchObject({ active: false })
      expect(await store.get(other.id)).toMatchObject({ active: true })
    },
  )
})

describe('a call that asks for details', () => {
  const asking = () => metadata({ 'sessiond-with-details': '1' })

  it('gets them behind the reply, which stays as the contract has it', async () => {
    const token = await create(claimAt(time.nowMs, 60))
    const id = SessionIdRequest.encode({ correlationId: '', sessionId: token.id }).finish()
    const bare = await raw('get_session_by_id', id)
    const detailed = await raw('get_session_by_id', id, asking())
    expect(detailed.subarray(0, bare.length)).toEqual(bare)
    expect(ReplyDetails.decode(bare).details).toEqual([])
    const expireTimeMs = (token.token.lifetime.exp + 1n) * 1000n
    expect(ReplyDetails.decode(detailed).details).toEqual([
      { isToken: true, expireTimeMs, ending: undefined },
    ])
    expect(SessionObjectReply.decode(detailed)).toEqual(SessionObjectReply.decode(bare))
    const closed = await raw('close_session', id, asking())
    expect(ReplyDetails.decode(closed).details).toEqual([
      { isToken: true, expireTimeMs: 0n, ending: { reason: 'closed', by: 'gRPC on loopback' } },
    ])
  })

  it('gets one for each session of a page, and none for no session', async () => {
    const userId = 'of details'
    for (const client of ['a', 'b']) {
      await sessions.open({ userId, address: '', client })
    }
    const page = { correlationId: '', filter: new Map([['user_id', userId]]), paging: undefined }
    const reply = await raw('get_sessions', SessionPageRequest.encode(page).finish(), asking())
    const expireTimeMs = BigInt(time.nowMs + HOUR_MS)
    const details = { isToken: false, expireTimeMs, ending: undefined }
    expect(ReplyDetails.decode(reply).details).toEqual([details, details])
    const nobody = SessionIdRequest.encode({ correlationId: '', sessionId: 'nobody' }).finish()
    const none = await raw('get_session_by_id', nobody, asking())
    expect(ReplyDetails.decode(none).details).toEqual([])
  })

  it('is refused before anything is done where it asks in another way', async () => {
    const { id } = await sessions.open({ userId: 'u', address: '', client: 'asks' })
    const request = SessionIdRequest.encode({ correlationId: '', sessionId: id }).finish()
    const reply = await raw('close_session', request, metadata({ 'sessiond-with-details': 'yes' }))
    expect(SessionObjectReply.decode(reply).error).toMatchObject({ code: 'INVALID_FIELD' })
    expect(await sessions.get(id)).toMatchObject({ active: true })
  })
})

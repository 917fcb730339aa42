import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { SessionObjectReply } from '#generated/sessions_v1/sessions'
import { remoteCommands } from '../../../../src/bridge/bridge.js'
import {
  type CallOptions,
  connect,
  type SessionInfo,
  SessionsClient,
} from '../../../../src/client/index.js'
import { JSON_TEXT } from '../../../../src/client/sessions/json-form.js'
import * as errors from '../../../../src/core/errors.js'
import type { Session } from '../../../../src/core/session.js'
import type { GrpcService } from '../../../../src/grpc/pipeline/contracts.js'
import { toStatus } from '../../../../src/grpc/pipeline/status.js'
import { sessionsService } from '../../../../src/grpc/services/sessions.js'
import type { GrpcServer } from '../../../../src/grpc/transport/server.js'
import { startTestGrpc } from '../../../support/grpc.js'
import { recordCalls } from '../../../support/observer.js'
import { CALLER, claimAt, HOUR_MS, START_MS, sessionsAt } from '../../../support/sessions.js'

const { create, sessions, time } = sessionsAt({ maxDataBytes: 1_000_000 })
const service = sessionsService(sessions, recordCalls())
let server: GrpcServer

beforeAll(async () => {
  server = await startTestGrpc({ 'sessions_v1.Sessions': service })
})
afterAll(() => server.close(0))

function connectionTo(address: string) {
  const connection = connect(address, { serverKeys: 'any' })
  onTestFinished(() => connection.close())
  return connection
}
const clientOf = (address: string, options: CallOptions = {}) =>
  new SessionsClient(connectionTo(address), options)
/** As the bridge has it. */
const textClientOf = (address: string) => new SessionsClient(connectionTo(address), {}, JSON_TEXT)

/** A server of its own for one test. */
async function startServer(services: Record<string, GrpcService>): Promise<GrpcServer> {
  const own = await startTestGrpc(services)
  onTestFinished(async () => void (await own.close(0)))
  return own
}

/** The service with one method of its own making. */
function serviceWith(method: string, implementation: never): GrpcService {
  return { ...service, implementation: { ...service.implementation, [method]: implementation } }
}

/** A session as clients are told of it: not its key, but its kind and when it ends by itself. */
function told(session: Session | null): SessionInfo<string> {
  const { token, ...info } = session as Session
  const kind = token === null ? 'command' : 'token'
  return { ...info, kind, expiresAtMs: sessions.expiresAtMs(session as Session) }
}

let users = 0
const newUser = () => `user ${++users} é`

describe('the client of the sessions commands', () => {
  it('says what the use cases say', async () => {
    const commands = remoteCommands(textClientOf(server.address), () => {})
    const userId = newUser()
    const place = { userId, address: '', client: 'app é' }
    const opened = await commands.open({ ...place, userName: 'U', user: '{"a":1}', data: '[]' })
    expect(opened).toEqual(told(await sessions.get(opened.id)))
    expect(await commands.get(opened.id)).toEqual(opened)
    expect(await commands.open({ ...place, data: null })).toEqual({ ...opened, data: null })

    time.nowMs += 5000
    const loaded = await commands.load(userId, opened.id)
    expect(loaded?.requestTimeMs).toBe(time.nowMs)
    expect(await commands.load('mallory', opened.id)).toBeNull()

    expect(await commands.storeData(opened.id, '7')).toMatchObject({ data: '7' })
    expect(await commands.storeData(opened.id, '"é"', { userId })).toMatchObject({ data: '"é"' })
    expect(await commands.storeData(opened.id, null)).toMatchObject({ data: null })
    expect(await commands.updateUser(opened.id, null)).toMatchObject({ user: null })

    await commands.storeData(opened.id, '[1]')
    const before = await commands.get(opened.id)
    const ended = {
      ...{ active: false, closeTimeMs: time.nowMs, user: null, data: null, expiresAtMs: null },
      ending: { reason: 'closed', by: 'gRPC on loopback' },
    }
    const closed = { ...before, ...ended }
    expect(await commands.close(opened.id, CALLER)).toEqual(closed)
    expect(await commands.close(opened.id, CALLER)).toEqual(closed)
    expect(await commands.delete(opened.id, { userId: 'mallory' }, CALLER)).toBeNull()
    expect(await commands.delete(opened.id, { userId }, CALLER)).toMatchObject({ id: opened.id })
    expect(await commands.get(opened.id)).toBeNull()
    expect(await commands.close(opened.id, CALLER)).toBeNull()
    expect(await commands.delete(opened.id, {}, CALLER)).toBeNull()

    const again = await commands.open(place)
    await commands.closeOpened(userId, 'elsewhere', 'app é', CALLER)
    expect(await sessions.get(again.id)).toMatchObject({ active: true })
    await commands.closeOpened(userId, '', 'app é', CALLER)
    expect(await sessions.get(again.id)).toMatchObject({ active: false })
    await commands.closeExpired()
  })

  it('tells until when a session lives, and whether Create opened it', async () => {
    const client = clientOf(server.address)
    const userId = newUser()
    const opened = await client.open({ userId, address: '', client: 'a' })
    expect(opened).toMatchObject({ kind: 'command', expiresAtMs: time.nowMs + HOUR_MS })
    time.nowMs += 2000
    const loaded = await client.load(userId, opened.id)
    expect(loaded).toMatchObject({ expiresAtMs: time.nowMs + HOUR_MS, ending: null })
    const token = await create(claimAt(time.nowMs, 60))
    const listed = (await client.list({ userId: token.userId })).sessions
    const expiresAtMs = (Number(token.token.lifetime.exp) + 1) * 1000
    expect(listed).toContainEqual(
      expect.objectContaining({ id: token.id, kind: 'token', expiresAtMs }),
    )
    time.nowMs += HOUR_MS
    expect(await client.get(opened.id)).toMatchObject({
      ...{ active: false, expiresAtMs: null },
      ending: { reason: 'idle', by: null },
    })
  })

  it('takes and gives any JSON value, and its sessions are JSON', async () => {
    const client = clientOf(server.address)
    const place = { userId: newUser(), address: '', client: 'a' }
    const user = { name: 'Zoë', roles: [1, null, true] }
    const opened = await client.open({ ...place, user, data: 'text' })
    expect(opened).toMatchObject({ user, data: 'text' })
    for (const data of [0, false, '', [], { n: 1.5 }, 'null', null]) {
      const stored = await client.storeData(opened.id, data)
      expect(stored.data).toEqual(data)
      expect(JSON.parse(JSON.stringify(stored))).toEqual(stored)
    }
    expect(await client.updateUser(opened.id, ['x'])).toMatchObject({ user: ['x'] })
    // Nothing that JSON would drop or change in silence is sent.
    for (const none of [() => {}, Symbol('x'), 1n]) {
      await expect(client.storeData(opened.id, none)).rejects.toThrow(TypeError)
    }
    expect(await client.get(opened.id)).toMatchObject({ data: null })
  })

  it('says nothing of what a server of another kind does not tell', async () => {
    const session = {
      ...{ id: 'id', userId: 'u', userName: '', active: true, address: '', client: '' },
      ...{ openTime: '1970-01-01T00:00:00Z', requestTime: '1970-01-01T00:00:00Z', closeTime: '' },
      ...{ user: '', data: '{"n":1}' },
    }
    const bytes = Buffer.from(SessionObjectReply.encode({ error: undefined, session }).finish())
    const reply = (_: unknown, callback: (error: null, reply: Uint8Array) => void) =>
      callback(null, bytes)
    const own = await startServer({
      'sessions_v1.Sessions': serviceWith('get_session_by_id', reply as never),
    })
    expect(await clientOf(own.address).get('id')).toMatchObject({
      ...{ id: 'id', active: true, kind: null, expiresAtMs: null, ending: null },
    })
  })

  it('leaves data out of a list where it is asked to', async () => {
    const client = clientOf(server.address)
    const userId = newUser()
    await sessions.open({ userId, address: '', client: 'a', user: '1', data: '2' })
    const found = async (withData?: boolean) =>
      (await client.list({ userId, ...(withData !== undefined && { withData }) })).sessions
    expect(await found()).toMatchObject([{ user: 1, data: 2 }])
    expect(await found(false)).toMatchObject([{ user: null, data: null }])
  })

  it('does not touch a token session where a command is to be closed', async () => {
    const commands = remoteCommands(textClientOf(server.address), () => {})
    const { id, userId, address, client } = await create(claimAt(time.nowMs, 600))
    await commands.closeOpened(userId, address, client, CALLER)
    expect(await sessions.get(id)).toMatchObject({ active: true })
  })

  it.each([{}, { take: 2 }, { take: 0 }, { take: 0, total: true }, { skip: 1, total: true }])(
    'lists like the use case: %j',
    async (page) => {
      const commands = remoteCommands(textClientOf(server.address), () => {})
      const userId = newUser()
      for (const client of ['a', 'b', 'c']) {
        await sessions.open({ userId, address: '', client })
      }
      const filter = { userId, active: true, fromTimeMs: START_MS, toTimeMs: time.nowMs + 1 }
      const expected = await sessions.list({ ...filter, ...page })
      expect(await commands.list({ ...filter, ...page })).toEqual({
        ...expected,
        sessions: expected.sessions.map(told),
      })
    },
  )
})

it('lists all, and refuses a page that would be cut', async () => {
  const client = clientOf(server.address)
  const userId = newUser()
  for (let i = 0; i < 120; i++) {
    await sessions.open({ userId, address: '', client: `${i}` })
  }
  const clients = new Set<string>()
  for await (const session of client.listAll({ userId, active: true })) {
    clients.add(session.client)
  }
  expect(clients.size).toBe(120)
  await expect(client.list({ userId, take: 1000 })).rejects.toThrow(
    new RangeError('a page has at most 100 sessions, not 1000: use listAll'),
  )
})

it('takes a page of more than 4 MiB, which is where gRPC stops by default', async () => {
  const commands = remoteCommands(textClientOf(server.address), () => {})
  const userId = newUser()
  const data = JSON.stringify('x'.repeat(900_000))
  for (const address of ['1', '2', '3', '4', '5']) {
    await sessions.open({ userId, address, client: '', data })
  }
  const page = await commands.list({ userId })
  expect(page.sessions.map((session) => session.data)).toEqual(Array(5).fill(data))
})

it('takes a reply without a page for an empty page', async () => {
  const getSessions = (_: unknown, callback: (error: null, reply: Uint8Array) => void) =>
    callback(null, Buffer.alloc(0))
  const own = await startServer({
    'sessions_v1.Sessions': serviceWith('get_sessions', getSessions as never),
  })
  const page = { sessions: [], total: 0 }
  expect(await clientOf(own.address).list({ total: true })).toEqual(page)
})

describe('a refusal', () => {
  it('keeps what the server said', async () => {
    const client = clientOf(server.address)
    await expect(client.storeData('no', '1')).rejects.toMatchObject({
      name: 'CommandError',
      code: 'NOT_FOUND',
      status: 404,
      category: 'NotFound',
      message: 'there is no session no',
      metadata: { session_id: 'no' },
      field: undefined,
    })
    await expect(client.open({ userId: '', address: '', client: '' })).rejects.toMatchObject({
      code: 'MISSING_FIELD',
      field: 'user_id',
      metadata: {},
    })
  })

  it.each([
    ['InvalidContent', 'MALFORMED'],
    ['QUOTA_EXCEEDED', 'QUOTA_EXCEEDED'],
    ['SOMETHING_NEW', 'UNKNOWN'],
  ])('whose reason is %s has the code %s', async (reason, code) => {
    const error = {
      ...{ category: 'c', code: reason, status: '400', message: 'm', details: new Map() },
      ...{ type: '', correlationId: '', cause: '', stackTrace: '' },
    }
    const bytes = Buffer.from(SessionObjectReply.encode({ error, session: undefined }).finish())
    const reply = (_: unknown, callback: (error: null, reply: Uint8Array) => void) =>
      callback(null, bytes)
    const own = await startServer({
      'sessions_v1.Sessions': serviceWith('get_session_by_id', reply as never),
    })
    await expect(clientOf(own.address).get('id')).rejects.toMatchObject({ code, reason })
  })

  it('is asked for again unless a deletion could have been done', async () => {
    const asked: string[] = []
    const away =
      (method: string) =>
      (_: unknown, callback: (error: object) => void): void => {
        asked.push(method)
        callback({ code: 14, details: 'the connection was lost' })
      }
    const implementation = {
      ...service.implementation,
      ...{ close_session: away('close'), delete_session_by_id: away('delete') },
    }
    const own = await startServer({
      'sessions_v1.Sessions': { ...service, implementation } as never,
    })
    const client = clientOf(own.address, { retry: { attempts: 2, firstDelayMs: 1 } })
    await expect(client.close('id')).rejects.toMatchObject({ code: 'SERVER_UNAVAILABLE' })
    await expect(client.delete('id')).rejects.toMatchObject({ code: 'SERVER_UNAVAILABLE' })
    expect(asked).toEqual(['close', 'close', 'delete'])
  })

  it('of the transport for size is told as one of the data', async () => {
    const commands = remoteCommands(textClientOf(server.address), () => {})
    const data = JSON.stringify('x'.repeat(200_000))
    await expect(commands.storeData('id', data)).rejects.toMatchObject({
      code: 'INVALID_FIELD',
      field: 'data',
    })
  })

  it('of what the server has no room for is not told as one of the data', async () => {
    const refuse = (_: unknown, callback: (error: object) => void) =>
      callback({ code: 8, details: 'too many calls' })
    const own = await startServer({
      'sessions_v1.Sessions': serviceWith('store_session_data', refuse as never),
    })
    const commands = remoteCommands(textClientOf(own.address), () => {})
    await expect(commands.storeData('id', '1')).rejects.toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      message: 'too many calls',
    })
  })

  it.each([
    new errors.CredentialError('the admin token'),
    new errors.ForwardedError('via', 'a'),
    new errors.RateLimitedError('failures', 50),
  ])('of the bridge itself ($code) is told as a server that is away', async (refusal) => {
    const refuse = (_: unknown, callback: (error: object) => void) => callback(toStatus(refusal))
    const own = await startServer({
      'sessions_v1.Sessions': serviceWith('get_session_by_id', refuse as never),
    })
    const outcomes: unknown[] = []
    const commands = remoteCommands(textClientOf(own.address), (failure) => outcomes.push(failure))
    await expect(commands.get('id')).rejects.toMatchObject({
      code: 'SERVER_UNAVAILABLE',
      message: expect.stringContaining(`refuses the bridge: ${refusal.message}`),
    })
    expect(outcomes).toEqual([expect.any(errors.ServerUnavailableError)])
  })

  it('that cannot be read is none of ours', async () => {
    const broken = (_: unknown, callback: (error: null, bytes: Buffer) => void) =>
      callback(null, Buffer.of(0x12, 5, 1))
    const own = await startServer({
      'sessions_v1.Sessions': serviceWith('get_session_by_id', broken as never),
    })
    await expect(clientOf(own.address).get('id')).rejects.toMatchObject({ code: 'MALFORMED' })
  })
})

describe('without an answer', () => {
  it.each<[string, () => Promise<string>, string, deadlineMs?: number]>([
    [
      'nobody listens',
      async () => {
        const own = await startServer({})
        await own.close(0)
        return own.address
      },
      'cannot be reached',
    ],
    [
      'the server has no such service',
      async () => (await startServer({})).address,
      'does not serve the sessions commands',
    ],
    [
      'the server keeps silent',
      async () => {
        const silent = serviceWith('get_session_by_id', (() => {}) as never)
        return (await startServer({ 'sessions_v1.Sessions': silent })).address
      },
      'did not answer in time',
      50,
    ],
  ])('since %s, it says so', async (_, start, problem, deadlineMs) => {
    const address = await start()
    await expect(clientOf(address, { deadlineMs }).get('id')).rejects.toMatchObject({
      code: 'SERVER_UNAVAILABLE',
      message: expect.stringContaining(`the session server at ${address} ${problem}`),
    })
  })
})

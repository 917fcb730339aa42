import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer, request as httpRequest, type OutgoingHttpHeaders } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { commandableSessions } from '../../../src/commandable/commands.js'
import { answerCommand } from '../../../src/http/commandable.js'
import type { Node } from '../../../src/server/start.js'
import { listenLocally } from '../../support/listen.js'
import { startTestNode } from '../../support/node.js'
import { recordCalls } from '../../support/observer.js'
import { temporaryDirectory } from '../../support/process.js'
import { memorySessions, untilAborted } from '../../support/seneca.js'
import { CALLER } from '../../support/sessions.js'

const JSON_HEADERS = { 'content-type': 'application/json' }
const directory = await temporaryDirectory(afterAll)
let node: Node

beforeAll(async () => {
  node = await startTestNode(join(directory, 'data'))
})
afterAll(() => node.close().then(() => {}))

interface Asked {
  readonly method?: string
  readonly headers?: OutgoingHttpHeaders
  readonly body?: string | Buffer
  readonly port?: number
}

/** One request, with headers that `fetch` would not let through. */
async function ask(path: string, { method = 'POST', headers = {}, body, port }: Asked = {}) {
  const request = httpRequest({
    ...{ host: '127.0.0.1', port: port ?? new URL(node.addresses.http ?? '').port },
    ...{ path, method, headers, agent: false },
  })
  request.on('error', () => {}) // Its answer may come before all of it is sent.
  request.end(body)
  const [response] = await once(request, 'response')
  const chunks: Buffer[] = await response.toArray()
  const text = Buffer.concat(chunks).toString()
  return {
    status: response.statusCode,
    headers: response.headers,
    text,
    body: text === '' ? undefined : JSON.parse(text),
  }
}

const run = (command: string, args?: object | null, more: Asked = {}) =>
  ask(`/v1/sessions/${command}`, {
    ...(args !== undefined && { headers: JSON_HEADERS, body: JSON.stringify(args) }),
    ...more,
  })

let users = 0
/** A user whom no other test knows. */
const newUser = () => `user ${++users}`

describe('POST /v1/sessions/…', () => {
  it('answers 200 and JSON with what a command returns, and 204 with nothing for null', async () => {
    const user_id = newUser()
    const opened = await run('open_session', { user_id, user: { a: 1 }, data: [null, 'é'] })
    expect(opened).toMatchObject({
      status: 200,
      headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
      body: { user_id, active: true, user: { a: 1 }, data: [null, 'é'] },
    })
    const { id: session_id } = opened.body
    expect((await run('get_session_by_id', { session_id })).body).toEqual(opened.body)
    const nothing = await run('get_session_by_id', { session_id: 'none' })
    expect(nothing).toMatchObject({ status: 204, text: '' })
    expect(nothing.headers).not.toHaveProperty('content-type')
    expect(await run('store_session_data', { session_id, data: null })).toMatchObject({
      status: 200,
      body: { id: session_id, data: null },
    })
    expect(await run('delete_session_by_id', { session_id: 'none' })).toMatchObject({ status: 204 })
    for (const args of [undefined, null, {}]) {
      expect(await run('close_expired_sessions', args)).toMatchObject({ status: 204, text: '' })
    }
  })

  it('lists without user and data, by filter, by paging, and by neither', async () => {
    const user_id = newUser()
    const { body: session } = await run('open_session', { user_id, user: 1, data: 2 })
    const { user: _, data: __, ...listed } = session
    const wanted = { filter: { user_id }, paging: { skip: null, take: null, total: true } }
    expect((await run('get_sessions', wanted)).body).toEqual({ total: 1, data: [listed] })
    for (const args of [undefined, null, {}, { filter: null, paging: null }]) {
      const { body } = await run('get_sessions', args)
      expect(body).toMatchObject({ total: null, data: expect.arrayContaining([listed]) })
    }
  })

  it('takes what existing clients send for arguments that they do not give', async () => {
    const none = { user_name: null, address: '', client: null, user: null, data: null }
    const user_id = newUser()
    const opened = await run('open_session', { user_id, data: 'kept' })
    const again = await run('open_session', { user_id, ...none })
    expect(again.body).toMatchObject({ id: opened.body.id, user_name: '', data: 'kept' })
  })

  it.each<[string, object, string]>([
    ['get_sessions', { user_id: 'u' }, 'user_id'],
    ['get_sessions', { filter: { user_id: 7.5 } }, 'filter.user_id'],
    ['get_session_by_id', {}, 'session_id'],
    ['open_session', { user: { id: 'u' } }, 'user_id'],
    ['open_session', { user_id: null }, 'user_id'],
    ['close_session', { user_id: 'u', address: 'a', client: 'c' }, 'user_id'],
    ['store_session_data', { session_id: 's', data: 1, user_id: 'u' }, 'user_id'],
    ['store_session_data', { session_id: 's' }, 'data'],
    ['close_expired_sessions', { session_id: 's' }, 'session_id'],
    ['open_session', { user_id: 'u', data: JSON.parse('{"__proto__":1}') }, '__proto__'],
  ])('refuses %s of %j, which is not of the newer dialect', async (command, args, field) => {
    const { status, body } = await run(command, args)
    expect([status, body.category, body.details.field]).toEqual([400, 'BadRequest', field])
  })

  it('tells of an error as existing clients take it', async () => {
    const expected = {
      ...{ code: 'NOT_FOUND', name: 'NOT_FOUND', category: 'NotFound', status: 404 },
      ...{ message: 'there is no session none', details: { session_id: 'none' } },
    }
    const args = { session_id: 'none', data: 1 }
    const inQuery = await run('store_session_data?correlation_id=a%20b', args)
    expect(inQuery).toMatchObject({ status: 404 })
    expect(inQuery.body).toEqual({ ...expected, correlation_id: 'a b' })
    const headers = { ...JSON_HEADERS, correlation_id: 'c' }
    const inHeader = await run('store_session_data', args, { headers })
    expect(inHeader.body).toEqual({ ...expected, correlation_id: 'c' })
    expect((await run('store_session_data', args)).body.correlation_id).toBeNull()
  })

  it.each<[string, string, Asked, number, string]>([
    ['no JSON', 'get_sessions', { body: '{bad' }, 400, 'InvalidContent'],
    ['no object', 'get_sessions', { body: '[1]' }, 400, 'InvalidContent'],
    ['no UTF-8', 'get_sessions', { body: Buffer.of(0x22, 0xff, 0x22) }, 400, 'InvalidContent'],
    ['too deep', 'get_sessions', { body: '['.repeat(999) }, 400, 'InvalidContent'],
    ['an unknown command', 'load_session', {}, 404, 'ResourceNotFound'],
    ['an unknown command, by GET', 'constructor', { method: 'GET' }, 404, 'ResourceNotFound'],
    ['GET', 'get_sessions', { method: 'GET' }, 405, 'MethodNotAllowed'],
    ['PUT', 'get_sessions', { method: 'PUT' }, 405, 'MethodNotAllowed'],
    [
      'a form',
      'get_sessions',
      { body: '{}', headers: { 'content-type': 'text/plain' } },
      415,
      'UnsupportedMediaType',
    ],
    [
      'too much',
      'get_sessions',
      { body: Buffer.alloc(1024 * 1024 + 1, ' ') },
      413,
      'PayloadTooLarge',
    ],
    ['a web page', 'get_sessions', { headers: { origin: 'http://127.0.0.1' } }, 403, 'Forbidden'],
    ['another name', 'get_sessions', { headers: { host: 'evil.test' } }, 403, 'Forbidden'],
    ['a proxy', 'get_sessions', { headers: { 'x-forwarded-for': '1.2.3.4' } }, 403, 'FORWARDED'],
  ])('refuses %s', async (_, command, asked, status, code) => {
    const refused = await run(command, undefined, { headers: JSON_HEADERS, ...asked })
    expect(refused).toMatchObject({ status, body: { status, code, name: code } })
    expect(refused.headers.allow).toBe(status === 405 ? 'POST' : undefined)
  })

  it('refuses a proxy whose header comes behind a thousand others', async () => {
    const socket = connect(Number(new URL(node.addresses.http ?? '').port), '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    socket.write(
      'POST /v1/sessions/get_sessions HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n' +
        `content-length: 0\r\n${'a:\r\n'.repeat(1_100)}x-forwarded-for: 1.2.3.4\r\n\r\n`,
    )
    expect(String((await socket.toArray())[0])).toMatch(/^HTTP\/1.1 403 /)
  })

  it('answers others after one has left in the middle of its request', async () => {
    const socket = connect(Number(new URL(node.addresses.http ?? '').port), '127.0.0.1')
    await once(socket, 'connect')
    socket.write(
      'POST /v1/sessions/get_sessions HTTP/1.1\r\nhost: localhost\r\n' +
        'content-type: application/json\r\ncontent-length: 100\r\n\r\n{',
    )
    socket.resetAndDestroy()
    expect(await run('close_expired_sessions')).toMatchObject({ status: 204 })
  })
})

describe('the admin credential', () => {
  const WIDE = { http: '0.0.0.0:0', plaintext: 'yes', 'feed-public': 'yes' }

  it.each([
    ['beyond loopback', WIDE],
    ['on loopback', {}],
  ])('is asked for where the server has one: %s', async (name, flags) => {
    const token = 'a'.repeat(40)
    const file = join(directory, `token ${name}`)
    await writeFile(file, token, { mode: 0o600 })
    const data = join(directory, name)
    const own = await startTestNode(data, { ...flags, 'admin-token-file': file })
    onTestFinished(() => own.close().then(() => {}))
    const port = Number(new URL(own.addresses.http ?? '').port)
    const withToken = (shown: string) =>
      run('get_sessions', undefined, { port, headers: { authorization: `Bearer ${shown}` } })
    const refused = {
      status: 401,
      headers: { 'www-authenticate': 'Bearer' },
      body: { category: 'Unauthorized', code: 'CREDENTIAL_REQUIRED' },
    }
    expect(await run('get_sessions', undefined, { port })).toMatchObject(refused)
    expect(await withToken(`${token}x`)).toMatchObject(refused)
    expect(await withToken(token)).toMatchObject({ status: 200 })
  })

  it('leaves the commands out beyond loopback where the server has none', async () => {
    const wide = await startTestNode(join(directory, 'open'), WIDE)
    onTestFinished(() => wide.close().then(() => {}))
    const { port } = new URL(wide.addresses.http ?? '')
    const url = `http://127.0.0.1:${port}/v1/sessions/get_sessions`
    const answer = await fetch(url, { method: 'POST' })
    expect([answer.status, await answer.text()]).toEqual([405, 'only GET is allowed here\n'])
  })
})

it('ends a list whose caller goes away while it is read', async () => {
  const reading = untilAborted()
  const { observer, ended } = recordCalls()
  const ports = {
    sessions: commandableSessions({ ...memorySessions().sessions, list: reading.list } as never),
    mayBeAsked: () => true,
    caller: () => CALLER,
    observer,
  }
  const port = await listenLocally(
    createServer((request, response) => void answerCommand(request, response, ports)),
  )
  const socket = connect(port, '127.0.0.1')
  socket.write(
    'POST /v1/sessions/get_sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n',
  )
  while (!reading.isBegun) {
    await setImmediate()
  }
  socket.resetAndDestroy()
  while (ended.length === 0) {
    await setImmediate()
  }
  expect(ended).toMatchObject([{ method: 'get_sessions', code: '499' }])
})

it('counts commands by name and status', async () => {
  await run('get_session_by_id', { session_id: 'none' })
  await run('no_such_command')
  const { port } = new URL(node.addresses.http ?? '')
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  expect(metrics).toMatch(/sessiond_http_commands_total{cmd="get_session_by_id",code="204"} \d/)
  expect(metrics).toMatch(/sessiond_http_commands_total{cmd="unknown",code="404"} \d/)
  expect(metrics).toMatch(/sessiond_calls_in_flight{transport="http"} 0/)
})

import { spawn } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { connect, SessionsClient } from '../../src/client/index.js'
import { watchSessions } from '../../src/client/watch.js'
import { createClient, createRequest } from '../support/create.js'
import {
  CLI,
  ENVIRONMENT,
  linesOf,
  type ServerProcess,
  sessiond,
  startServer,
  temporaryDirectory,
} from '../support/process.js'
import { startHttpProxy } from '../support/reverse-proxy.js'

const directory = await temporaryDirectory(afterAll)
const ADMIN = 'the-admin-token-of-this-test'
const VIEWER = 'the-feed-token-of-this-test'
const ELSEWHERE = 'https://board.example'
const PREFIX = '/ops/sessions'
const auditLog = join(directory, 'audit.jsonl')
let server: ServerProcess
/** `HOST:PORT` of a proxy that keeps the path. */
let proxy: string
let closeProxy: () => void = () => {}

beforeAll(async () => {
  const tokens = [
    ['admin', ADMIN],
    ['feed', VIEWER],
  ] as const
  for (const [name, token] of tokens) {
    await writeFile(join(directory, name), token)
  }
  server = await startServer({
    dataDir: join(directory, 'data'),
    args: [
      ...['--admin-token-file', join(directory, 'admin'), '--feed-token', join(directory, 'feed')],
      ...['--http-path', PREFIX, '--feed-origin', ELSEWHERE, '--audit-log', auditLog],
      // Token sessions whose owner has a name.
      ...['--owners', 'any-signer'],
    ],
  })
  proxy = await startHttpProxy(server.ready.http, { 'x-forwarded-for': '203.0.113.9' }, (close) => {
    closeProxy = close
  })
})
afterAll(async () => {
  closeProxy()
  await server.stop()
})

interface Answer {
  readonly status: number | undefined
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

/** Through the proxy, as a browser would that knows it as sessions.example. */
function ask(path: string, headers: Record<string, string> = {}, body?: object): Promise<Answer> {
  const [host, port] = proxy.split(':')
  const given = { Host: 'sessions.example', 'Content-Type': 'application/json', ...headers }
  const options = { host, port, path, headers: given, agent: false }
  return new Promise((resolve, reject) =>
    request({ ...options, method: body ? 'POST' : 'GET' }, async (response) =>
      resolve({
        status: response.statusCode,
        headers: response.headers,
        text: (await response.setEncoding('utf8').toArray()).join(''),
      }),
    )
      .on('error', reject)
      .end(body && JSON.stringify(body)),
  )
}

const OPERATOR = { authorization: `Bearer ${ADMIN}`, origin: 'http://sessions.example' }

async function operate(action: string, body: object): Promise<Record<string, unknown>> {
  const { status, text } = await ask(`${PREFIX}/operator/${action}`, OPERATOR, body)
  expect([action, status, text]).toEqual([action, 200, text])
  return JSON.parse(text)
}

/** How the server answers an upgrade: 101, or its refusal. */
function upgrade(path: string, headers: Record<string, string>): Promise<number | undefined> {
  const socket = new WebSocket(`ws://${proxy}${path}`, {
    headers: { Host: 'sessions.example', ...headers },
  })
  onTestFinished(() => socket.terminate())
  return new Promise((resolve) => {
    socket.on('error', () => {})
    socket.once('upgrade', ({ statusCode }) => resolve(statusCode))
    socket.once('unexpected-response', (_, { statusCode }) => resolve(statusCode))
  })
}

/** Opens sessions as commands do. */
async function openSessions(userId: string, count: number): Promise<string[]> {
  const connection = connect(server.ready.grpc, { serverKeys: 'any', adminToken: ADMIN })
  onTestFinished(() => connection.close())
  const sessions = new SessionsClient(connection)
  const ids: string[] = []
  for (let i = 0; i < count; i++) {
    const data = { nested: [1, null] }
    ids.push((await sessions.open({ userId, address: `a${i}`, client: 'app', data })).id)
  }
  return ids
}

describe('an operator', () => {
  it('finds what a user has, page after page, and sees all of a session', async () => {
    const ids = await openSessions('frida', 5)
    const first = await operate('search', { user: 'frida', limit: 3 })
    expect(first).toMatchObject({ total: 5, stopped: false })
    const second = await operate('search', { user: 'frida', limit: 3, cursor: first.next })
    expect(second.next).toBeNull()
    const found = [first, second].flatMap(({ sessions }) => sessions as { session_id: string }[])
    // One that was opened this moment may come twice.
    expect([...new Set(found.map((one) => one.session_id))].toSorted()).toEqual(ids.toSorted())
    const last = await operate('search', { address: 'a4', client: 'app', state: 'open' })
    expect(last).toMatchObject({ sessions: [{ session_id: ids[4], user_id: 'frida' }], total: 1 })
    const other = await operate('search', { address: 'a4', client: 'another' })
    expect(other).toMatchObject({ sessions: [], total: 0 })
    expect(await operate('show', { session_id: ids[4] })).toMatchObject({
      ...{ kind: 'command', state: 'open', address: 'a4', lifetime: null },
      data: '{"nested":[1,null]}',
    })
  })

  it('finds the sessions of an owner by its name, and sees its key and its lifetime', async () => {
    const client = createClient(server.ready.grpc)
    onTestFinished(() => client.close())
    const { id } = await client.create(createRequest({ owner: new TextEncoder().encode('gustav') }))
    const found = await operate('search', { owner: 'gustav', kind: 'token' })
    const [session] = found.sessions as { session_id: string; owner_name: string }[]
    expect(session?.owner_name).toBe('gustav')
    expect(session?.session_id).toBe(Buffer.from(id).toString())
    expect(await operate('show', { session_id: session?.session_id })).toMatchObject({
      owner: Buffer.from('gustav').toString('hex'),
      public_key: expect.stringMatching(/^[0-9a-f]{64}$/),
      lifetime: { exp: expect.stringMatching(/^\d+$/) },
    })
  })

  it('closes and deletes several at once, after seeing what will happen; each is audited', async () => {
    const [one, two, ...others] = await openSessions('hanna', 5)
    const ids = [one, two, 'nobody']
    const will = await operate('close', { session_ids: ids, dry_run: true })
    expect(will).toMatchObject({ closed: 2 })
    expect(await operate('close-user', { user_id: 'hanna', dry_run: true })).toEqual({
      open_sessions: 5,
    })
    expect(await operate('close', { session_ids: ids })).toEqual(will)
    const deleted = await operate('delete', { session_ids: [two, others[0]] })
    expect(deleted).toMatchObject({
      outcomes: [{ was_open: false }, { outcome: 'deleted', was_open: true }],
      ...{ closed: 1, deleted: 2 },
    })
    expect(await operate('close-user', { user_id: 'hanna', limit: 1 })).toEqual({
      ...{ closed: 1, is_done: false },
    })
    expect(await operate('close-user', { user_id: 'hanna' })).toEqual({ closed: 1, is_done: true })
    const ended = await operate('search', { user: 'hanna', sort: 'ended' })
    const reasons = (ended.sessions as { ending: object }[]).map(({ ending }) => ending)
    expect(reasons).toEqual(Array(3).fill({ reason: 'closed', by: 'admin token' }))

    const audited = linesOf(await readFile(auditLog, 'utf8')) as unknown as Record<
      string,
      unknown
    >[]
    const own = audited.filter(({ user_id: userId }) => userId === 'hanna')
    expect(own.map(({ action }) => action).toSorted()).toEqual([
      ...['close', 'close', 'close', 'close', 'delete', 'delete'],
    ])
    expect(own[0]).toMatchObject({ who: 'admin token' })
  })

  it('is refused without the token, from another origin, and with what no form could send', async () => {
    const path = `${PREFIX}/operator/search`
    const { authorization, origin } = OPERATOR
    expect(await ask(path, { origin }, {})).toMatchObject({ status: 401 })
    expect(await ask(path, { ...OPERATOR, authorization: `Bearer ${VIEWER}` }, {})).toMatchObject({
      status: 401,
    })
    for (const other of [ELSEWHERE, 'http://evil.example', 'null']) {
      expect(await ask(path, { authorization, origin: other }, {})).toMatchObject({ status: 403 })
    }
    const form = { 'Content-Type': 'text/plain' }
    expect(await ask(path, { ...OPERATOR, ...form }, {})).toMatchObject({ status: 400 })
    expect(await ask(path, OPERATOR, { adress: 'x' })).toMatchObject({ status: 400 })
    expect(await ask('/operator/search', OPERATOR, {})).toMatchObject({ status: 405 })
  })
})

describe('a viewer', () => {
  const viewer = { authorization: `Bearer ${VIEWER}` }

  it('is told which tokens are wanted, without any', async () => {
    const { status, text } = await ask(`${PREFIX}/session-list/access`)
    expect({ status, answer: JSON.parse(text) }).toMatchObject({
      status: 200,
      answer: { feed_token: true, admin_token: true, client_certificates: false },
    })
  })

  it('sees the true number of open sessions, and what opened and ended in the last minutes', async () => {
    const path = `${PREFIX}/session-list/history`
    expect(await ask(path)).toMatchObject({ status: 401 })
    await openSessions('ida', 2)
    const { total } = await operate('search', { state: 'open', limit: 1 })
    await expect
      .poll(async () => JSON.parse((await ask(path, viewer)).text).open_sessions)
      .toBe(total)
    const { minutes, max_listed: maxListed } = JSON.parse((await ask(path, viewer)).text)
    expect(maxListed).toBe(10_000)
    const opened = minutes.reduce(
      (sum: number, minute: { opened: number }) => sum + minute.opened,
      0,
    )
    expect(opened).toBeGreaterThanOrEqual(2)
    expect(minutes.at(-1).open).toBe(total)
  })

  it('watches the list below the prefix, and nowhere else', async () => {
    expect(await upgrade(`${PREFIX}/session-list`, viewer)).toBe(101)
    expect(await upgrade('/session-list', viewer)).toBe(404)
    expect(await upgrade(`${PREFIX}/session-list`, {})).toBe(401)
    const watch = watchSessions(`${server.ready.http.replace('http', 'ws')}/session-list`, {
      WebSocket: class extends WebSocket {
        constructor(url: string) {
          super(url, { headers: viewer })
        }
      },
    })
    onTestFinished(() => watch.close())
    for await (const event of watch) {
      if (event.type === 'open') {
        break
      }
    }
  })

  it('may be a page of a listed origin, and of no other', async () => {
    const path = `${PREFIX}/session-list`
    for (const [origin, answer] of [
      [ELSEWHERE, 101],
      ['http://sessions.example', 101],
      ['http://board.example', 403],
      [`${ELSEWHERE}:8443`, 403],
      [`${ELSEWHERE}.evil.example`, 403],
      ['null', 403],
    ] as const) {
      expect([origin, await upgrade(path, { ...viewer, origin })]).toEqual([origin, answer])
    }
    const history = await ask(`${path}/history`, { ...viewer, origin: ELSEWHERE })
    expect(history).toMatchObject({
      ...{ status: 200, headers: { 'access-control-allow-origin': ELSEWHERE, vary: 'Origin' } },
    })
  })
})

describe('the other paths', () => {
  it('lead to the page below the prefix', async () => {
    const page = await ask(`${PREFIX}/`)
    expect(page.status).toBe(200)
    expect(page.text).toContain('<title>Sessions</title>')
    // Whatever the page loads lies below it.
    const links = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => `${link}`)
    expect(links.length).toBeGreaterThan(0)
    for (const link of links) {
      const { pathname } = new URL(link, `http://sessions.example${PREFIX}/`)
      expect(await ask(pathname)).toMatchObject({ status: 200 })
      expect(pathname.startsWith(`${PREFIX}/`)).toBe(true)
    }
    for (const path of ['/', PREFIX]) {
      expect(await ask(path)).toMatchObject({ status: 308, headers: { location: `${PREFIX}/` } })
    }
  })

  it('are those of probes, metrics and commands, at the root alone', async () => {
    expect(await ask('/healthz')).toMatchObject({ status: 200 })
    expect(await ask('/readyz')).toMatchObject({ status: 200 })
    expect(await ask('/metrics', OPERATOR)).toMatchObject({ status: 200 })
    expect(await ask(`${PREFIX}/metrics`, OPERATOR)).toMatchObject({ status: 404 })
    const { authorization } = OPERATOR
    const command = await ask('/v1/sessions/get_sessions', { authorization }, {})
    expect(command).toMatchObject({ status: 200 })
  })
})

it('sessions watch reaches a list below a prefix', async () => {
  const [openedId] = await openSessions('jane', 1)
  const address = server.ready.http.replace('http://', '')
  expect(address).toMatch(/^127\.0\.0\.1:\d+\/ops\/sessions$/)
  const flags = ['--json', '--http', address, '--token', join(directory, 'feed')]
  const child = spawn(process.execPath, [CLI, 'sessions', 'watch', ...flags], { env: ENVIRONMENT })
  onTestFinished(() => void child.kill('SIGKILL'))
  let isListed = false
  for await (const line of createInterface(child.stdout)) {
    const { type, session } = JSON.parse(line)
    isListed = type === 'added' && session.id === openedId
    if (isListed) {
      break
    }
  }
  expect(isListed).toBe(true)
})

it('sessions watch says what is wrong with a path', async () => {
  const refused = await sessiond(['sessions', 'watch', '--http', 'localhost:1/a b'])
  expect(refused).toMatchObject({ code: 2 })
  expect(refused.stderr).toContain('"/a b" is not a path such as /sessions')
})

it.each([
  ['--http-path', 'sessions'],
  ['--feed-origin', 'https://board.example/'],
])('%s %s is refused at the start', async (flag, value) => {
  const refused = await sessiond(['serve', '--data-dir', join(directory, 'none'), flag, value])
  expect(refused).toMatchObject({ code: 2 })
  expect(refused.stderr + refused.stdout).toContain(`${flag}: `)
})

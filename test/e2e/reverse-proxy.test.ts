import { writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { AdminClient, connect, SessionsClient } from '../../src/client/index.js'
import { createClient, createRequest } from '../support/create.js'
import {
  type ServerProcess,
  sessiond,
  startServer,
  temporaryDirectory,
} from '../support/process.js'
import { startGrpcProxy, startHttpProxy } from '../support/reverse-proxy.js'

const directory = await temporaryDirectory(afterAll)
const TOKEN = 'the-admin-token-of-this-test'
const FORWARDED = { 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'https' }
const tokenFile = join(directory, 'admin.token')
let open: ServerProcess
let guarded: ServerProcess

beforeAll(async () => {
  await writeFile(tokenFile, TOKEN)
  const seneca = ['--seneca', 'http://127.0.0.1:0']
  open = await startServer({ dataDir: join(directory, 'open'), args: seneca })
  guarded = await startServer({
    dataDir: join(directory, 'guarded'),
    args: [...seneca, '--admin-token-file', tokenFile],
  })
})
afterAll(async () => {
  await open.stop()
  await guarded.stop()
})

function clients(address: string, adminToken?: string) {
  const connection = connect(address, {
    serverKeys: 'any',
    ...(adminToken !== undefined && { adminToken }),
  })
  onTestFinished(() => connection.close())
  return { sessions: new SessionsClient(connection), admin: new AdminClient(connection) }
}

/** The status and the body of a request that says it is for this machine. */
function ask(at: string, path: string, headers: Record<string, string> = {}, body?: string) {
  const [host, port] = at.split(':')
  const given = { Host: 'localhost', 'Content-Type': 'application/json', ...headers }
  const options = { host, port, path, headers: given, agent: false }
  return new Promise<{ status: number | undefined; text: string }>((resolve, reject) =>
    request({ ...options, method: body === undefined ? 'GET' : 'POST' }, async (response) =>
      resolve({
        status: response.statusCode,
        text: (await response.setEncoding('utf8').toArray()).join(''),
      }),
    )
      .on('error', reject)
      .end(body),
  )
}

/** How the server answers an upgrade: 101, or its refusal. */
function upgrade(at: string): Promise<number | undefined> {
  const socket = new WebSocket(`ws://${at}/session-list`, { headers: { Host: 'localhost' } })
  onTestFinished(() => socket.terminate())
  return new Promise((resolve) => {
    socket.on('error', () => {})
    socket.once('upgrade', ({ statusCode }) => resolve(statusCode))
    socket.once('unexpected-response', (_, { statusCode }) => resolve(statusCode))
  })
}

const ACT = JSON.stringify({ role: 'sessions', cmd: 'get_session_by_id', session_id: 'x' })
const host = (url: string | undefined) => new URL(url ?? '').host

describe('without an admin credential, what a proxy on this machine passes on', () => {
  it('gets Create and health over gRPC, and nothing that is for operators', async () => {
    const proxy = await startGrpcProxy(open.ready.grpc, FORWARDED, onTestFinished)
    const client = createClient(proxy)
    onTestFinished(() => client.close())
    await expect(client.create(createRequest())).resolves.toHaveProperty('id')
    const refusal = {
      code: 'FORWARDED',
      grpcCode: 7,
      message: expect.stringMatching(
        /"x-forwarded-\w+"\): start the server with --admin-token-file/,
      ),
    }
    const { sessions, admin } = clients(proxy)
    await expect(sessions.list()).rejects.toMatchObject(refusal)
    await expect(admin.status()).rejects.toMatchObject(refusal)
    const direct = clients(open.ready.grpc)
    await expect(direct.sessions.list()).resolves.toHaveProperty('total')
    await expect(direct.admin.status()).resolves.toHaveProperty('version')
  })

  it('gets health over HTTP, and no metrics, page or list', async () => {
    const proxy = await startHttpProxy(open.ready.http, FORWARDED, onTestFinished)
    for (const path of ['/healthz', '/readyz']) {
      expect(await ask(proxy, path)).toMatchObject({ status: 200 })
    }
    for (const [path, option] of [
      ['/metrics', '--admin-token-file'],
      ['/', '--feed-token FILE'],
      ['/session-list', '--feed-public yes'],
    ] as const) {
      expect(await ask(proxy, path)).toEqual({
        status: 403,
        text: expect.stringContaining(option),
      })
      expect(await ask(host(open.ready.http), path)).not.toMatchObject({ status: 403 })
    }
    expect(await upgrade(proxy)).toBe(403)
    expect(await upgrade(host(open.ready.http))).toBe(101)
  })

  it('gets health alone over HTTP under a public name, also where the proxy does not show itself', async () => {
    const Host = 'sessions.example'
    const silent = await startHttpProxy(open.ready.http, {}, onTestFinished)
    expect(await ask(silent, '/healthz', { Host })).toMatchObject({ status: 200 })
    for (const path of ['/metrics', '/', '/session-list']) {
      expect(await ask(silent, path, { Host })).toMatchObject({ status: 403 })
    }
    const commands = '/v1/sessions/get_sessions'
    expect(await ask(silent, commands, { Host }, '{}')).toMatchObject({ status: 403 })
    const seneca = await startHttpProxy(`${open.ready.seneca}`, {}, onTestFinished)
    expect(await ask(seneca, '/act', { Host }, ACT)).toMatchObject({ status: 403 })
  })

  it.each(['forwarded', 'via', 'x-real-ip', 'x-forwarded-host'])(
    'gets no act, whichever header shows it: %s',
    async (header) => {
      const proxy = await startHttpProxy(`${open.ready.seneca}`, { [header]: 'a' }, onTestFinished)
      const refused = await ask(proxy, '/act', {}, ACT)
      expect(refused).toMatchObject({ status: 403 })
      expect(JSON.parse(refused.text)).toMatchObject({
        code: 'FORWARDED',
        message: expect.stringContaining('--insecure-commands yes'),
      })
      expect(await ask(host(`${open.ready.seneca}`), '/act', {}, ACT)).toMatchObject({
        status: 200,
      })
    },
  )
})

describe('with an admin credential, a listener on loopback', () => {
  it('asks for it over gRPC, whoever calls, and takes it through a proxy', async () => {
    const proxy = await startGrpcProxy(guarded.ready.grpc, FORWARDED, onTestFinished)
    // Nginx adds no header unless it is told to.
    const silent = await startGrpcProxy(guarded.ready.grpc, {}, onTestFinished)
    for (const address of [guarded.ready.grpc, silent, proxy]) {
      const stranger = clients(address)
      for (const call of [() => stranger.sessions.list(), () => stranger.admin.status()]) {
        await expect(call()).rejects.toMatchObject({
          code: 'CREDENTIAL_REQUIRED',
          message: expect.stringMatching(/^an admin credential is needed: /),
          metadata: { credential: 'missing' },
        })
      }
      await expect(clients(address, `${TOKEN}.`).admin.status()).rejects.toMatchObject({
        code: 'CREDENTIAL_REQUIRED',
        message: expect.stringMatching(/^the admin credential that was shown is not this server's/),
        metadata: { credential: 'wrong' },
      })
      await expect(clients(address, TOKEN).admin.status()).resolves.toHaveProperty('version')
    }
    const client = createClient(guarded.ready.grpc)
    onTestFinished(() => client.close())
    await expect(client.create(createRequest())).resolves.toHaveProperty('id')
  })

  it('asks for it over HTTP where metrics are read or a command is called, through any proxy', async () => {
    const proxy = await startHttpProxy(guarded.ready.http, FORWARDED, onTestFinished)
    const silent = await startHttpProxy(guarded.ready.http, {}, onTestFinished)
    const authorization = `Bearer ${TOKEN}`
    for (const address of [proxy, silent, host(guarded.ready.http)]) {
      expect(await ask(address, '/metrics')).toMatchObject({ status: 403 })
      expect(await ask(address, '/metrics', { authorization })).toMatchObject({ status: 200 })
      const command = '/v1/sessions/get_sessions'
      expect(await ask(address, command, {}, '{}')).toMatchObject({ status: 401 })
      expect(
        await ask(address, command, { authorization: `${authorization}.` }, '{}'),
      ).toMatchObject({ status: 401 })
      expect(await ask(address, command, { authorization }, '{}')).toMatchObject({ status: 200 })
    }
    expect(await ask(host(guarded.ready.http), '/')).toMatchObject({ status: 200 })
  })

  it('is reached by commands on this machine as its own variable says', async () => {
    const status = ['status', '--server', guarded.ready.grpc]
    const env = { ...process.env, SESSIOND_ADMIN_TOKEN_FILE: tokenFile }
    expect(await sessiond(status, { env })).toMatchObject({ code: 0, stderr: '' })
    const refused = await sessiond(status)
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toContain('--admin-token-file FILE')
    // Elsewhere no variable of the server's sends anything.
    const away = await sessiond(['status', '--server', 'a.example:1'], { env })
    expect(away.stderr).toContain('cannot be reached')
  })
})

it('takes acts that a proxy passes on where the operator lets whoever can connect do everything', async () => {
  const server = await startServer({
    dataDir: join(directory, 'insecure'),
    args: ['--seneca', 'http://127.0.0.1:0', '--insecure-commands', 'yes'],
  })
  onTestFinished(async () => void (await server.stop()))
  const proxy = await startHttpProxy(`${server.ready.seneca}`, FORWARDED, onTestFinished)
  expect(await ask(proxy, '/act', {}, ACT)).toMatchObject({ status: 200 })
})

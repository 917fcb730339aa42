import { readFile, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { type RequestOptions, request } from 'node:https'
import { join } from 'node:path'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { connect, SessionsClient } from '../../src/client/index.js'
import {
  type ServerProcess,
  sessiond,
  startServer,
  temporaryDirectory,
} from '../support/process.js'
import { type TlsSetup, tlsSetup } from '../support/tls.js'

const directory = await temporaryDirectory(afterAll)
const FEED_TOKEN = 'the-feed-token-of-this-test'
const NEXT_TOKEN = 'the-next-admin-token-of-this-test'
let tls: TlsSetup
let server: ServerProcess
/** As clients on this machine reach it. */
let grpc: string
let http: URL

beforeAll(async () => {
  tls = await tlsSetup(directory)
  const feedToken = join(directory, 'feed.token')
  await writeFile(feedToken, FEED_TOKEN)
  server = await startServer({
    dataDir: join(directory, 'data'),
    args: [
      ...['--grpc', '0.0.0.0:0', '--http', '0.0.0.0:0', '--feed-token', feedToken],
      ...['--log-level', 'debug', ...tls.serveArgs],
    ],
  })
  grpc = server.ready.grpc.replace('0.0.0.0', '127.0.0.1')
  http = new URL(server.ready.http.replace('0.0.0.0', '127.0.0.1'))
})
afterAll(async () => {
  // Whatever the tests of this file did, at the most talkative level.
  const { stdout, stderr } = await server.stop()
  const audited = await readFile(join(directory, 'data', 'audit.jsonl'), 'utf8')
  const [, key = ''] = tls.current().key.split('\n')
  for (const secret of [tls.token, NEXT_TOKEN, FEED_TOKEN, key]) {
    expect(stdout + stderr + audited).not.toContain(secret)
  }
})

const audit = async () =>
  (await readFile(join(directory, 'data', 'audit.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

function sessionsOf(options: Omit<Parameters<typeof connect>[1], 'serverKeys'>): SessionsClient {
  const ca = tls.authority.cert
  const connection = connect(grpc, { serverKeys: 'any', tls: { ca }, ...options })
  onTestFinished(() => connection.close())
  return new SessionsClient(connection)
}

const place = { userId: 'alice', address: 'here', client: 'app' }

describe('a server with TLS beyond loopback', () => {
  it('opens sessions for whoever can sign, and shows them to operators', async () => {
    const key = join(directory, 'owner.key')
    await sessiond(['keygen', '--out', key])
    const created = await sessiond([
      ...['create', '--server', grpc, '--key', key, '--json'],
      ...['--tls-ca', tls.caFile],
    ])
    expect(created.code).toBe(0)
    const { id } = JSON.parse(created.stdout)
    const show = ['sessions', 'show', id, '--server', grpc, '--json']
    const shown = await sessiond([...show, ...tls.clientArgs])
    expect(shown).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse(shown.stdout)).toMatchObject({ id, active: true })

    const { cert, key: privateKey } = tls.operators.issue({ usage: 'client' })
    const [certFile, keyFile] = [join(directory, 'carol.crt'), join(directory, 'carol.key')]
    await writeFile(certFile, cert)
    await writeFile(keyFile, privateKey)
    const pair = ['--tls-cert', certFile, '--tls-key', keyFile]
    expect(await sessiond([...show, '--tls-ca', tls.caFile, ...pair])).toEqual(shown)
    const refused = await sessiond([...show, '--tls-ca', tls.caFile])
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toMatch(/^sessiond: an admin credential is needed: the admin/)
    const untrusting = await sessiond([...show, '--tls'])
    expect(untrusting).toMatchObject({ code: 1, stdout: '' })
    expect(untrusting.stderr).toContain('of an authority that is not trusted here')
  })

  const answered = { code: 0, stderr: '' }
  const nothing = { code: 7, stderr: expect.stringMatching(/^sessiond: .*nobody/) }
  it.each<[string, typeof answered]>([
    ['sessions list', answered],
    ['sessions close --user nobody', nothing],
    ['status', answered],
    ['check', answered],
    ['clock', answered],
    ['clock confirm', answered],
    ['rotate-keys', answered],
    ['export --user nobody', nothing],
    ['erase --user nobody --yes', nothing],
    [`backup ${join(directory, 'sessions.backup')}`, answered],
  ])('answers operators who run sessiond %s, and nobody else', async (command, answer) => {
    const args = [...command.split(' '), '--server', grpc]
    expect(await sessiond([...args, '--tls-ca', tls.caFile])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^sessiond: an admin credential is needed/),
    })
    expect(await sessiond([...args, ...tls.clientArgs])).toMatchObject(answer)
  })

  it('says in the audit log what an operator showed', async () => {
    const withToken = sessionsOf({ adminToken: tls.token })
    const { cert, key } = tls.operators.issue({ usage: 'client', commonName: 'carol' })
    const withCertificate = sessionsOf({ tls: { ca: tls.authority.cert, cert, key } })
    for (const [operator, who] of [
      [withToken, 'admin token'],
      [withCertificate, 'client certificate CN=carol'],
    ] as const) {
      const { id } = await operator.open(place)
      await operator.close(id)
      expect((await audit()).at(-1)).toMatchObject({ action: 'close', who })
    }
  })

  it('says why it does not accept a client certificate, to its caller and in the log', async () => {
    const expired = tls.operators.issue({ usage: 'client', notAfterMs: Date.now() - 1000 })
    const certificate = { cert: expired.cert, key: expired.key }
    const stranger = sessionsOf({ tls: { ca: tls.authority.cert, ...certificate } })
    await expect(stranger.list()).rejects.toMatchObject({
      message: expect.stringMatching(/^the client certificate that was shown is not accepted/),
      metadata: { credential: 'wrong', certificate: 'CERT_HAS_EXPIRED' },
    })
    const certificateProblem = { certificate: 'CERT_HAS_EXPIRED' }
    expect(await server.event('call-refused', certificateProblem)).toMatchObject({
      reason: 'CREDENTIAL_REQUIRED',
    })
    const metrics = await new Promise<IncomingMessage>((resolve, reject) => {
      const options = { ca: tls.authority.cert, ...certificate }
      request(new URL('/metrics', http), options, resolve).on('error', reject).end()
    })
    expect((await metrics.setEncoding('utf8').toArray()).join('')).toContain('CERT_HAS_EXPIRED')
  })

  it('takes a new token once the file has it, and the old one no more', async () => {
    const old = sessionsOf({ adminToken: tls.token })
    await old.list()
    await writeFile(tls.tokenFile, NEXT_TOKEN)
    await server.event('admin-token-read')
    await expect(old.list()).rejects.toMatchObject({ code: 'CREDENTIAL_REQUIRED' })
    await sessionsOf({ adminToken: NEXT_TOKEN }).list()
    await writeFile(tls.tokenFile, 'short')
    expect(await server.event('admin-token-not-read')).toMatchObject({
      reason: expect.stringContaining('at least 16 characters'),
    })
    await sessionsOf({ adminToken: NEXT_TOKEN }).list()
    await writeFile(tls.tokenFile, tls.token)
    await server.event('admin-token-read')
  })

  it.each(['TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const)('speaks TLS 1.2 and later: %s', async (v) => {
    for (const port of [grpc.split(':')[1], http.port]) {
      const socket: TLSSocket = connectTls({
        ...{ host: '127.0.0.1', port: Number(port), ca: tls.authority.cert },
        ...{ minVersion: v, maxVersion: v, ALPNProtocols: ['h2', 'http/1.1'] },
        // Else it is this client that refuses the old version.
        ciphers: 'DEFAULT:@SECLEVEL=0',
      })
      onTestFinished(() => {
        socket.destroy()
      })
      const outcome = new Promise((resolve) => {
        socket.once('secureConnect', () => resolve(socket.getProtocol()))
        socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code))
      })
      expect(await outcome).toBe(v === 'TLSv1.1' ? 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' : v)
    }
  })

  it('serves the page and the list over HTTPS', async () => {
    expect(http.protocol).toBe('https:')
    const page = await get('/')
    expect(page).toMatchObject({ statusCode: 200 })
    expect(page.headers['content-security-policy']).toContain("connect-src 'self'")
    expect(await get('/healthz')).toMatchObject({ statusCode: 200 })
    const list = `wss://${http.host}/session-list?token=${FEED_TOKEN}`
    const ca = tls.authority.cert
    for (const [origin, outcome] of [
      [`https://${http.host}`, 'open'],
      // A page that somebody on the way made up.
      [`http://${http.host}`, 'error'],
      ['https://elsewhere.example', 'error'],
    ] as const) {
      const socket = new WebSocket(list, { ca, origin })
      onTestFinished(() => socket.terminate())
      const seen = new Promise((resolve) => {
        socket.once('open', () => resolve('open'))
        socket.once('error', () => resolve('error'))
      })
      expect(await seen).toBe(outcome)
    }
  })

  it("lets operators into the page's operator mode, by token or certificate", async () => {
    const { cert, key } = tls.operators.issue({ usage: 'client', commonName: 'carol' })
    const json = { method: 'POST', headers: { 'content-type': 'application/json' } }
    const bearer = { ...json.headers, authorization: `Bearer ${tls.token}` }
    for (const [options, statusCode, who] of [
      [json, 401, undefined],
      [{ ...json, headers: { ...bearer, authorization: 'Bearer another' } }, 401, undefined],
      [{ ...json, headers: bearer }, 200, 'admin token'],
      [{ ...json, cert, key }, 200, 'client certificate CN=carol'],
      [{ ...json, ...tls.authority.issue({ usage: 'client' }) }, 401, undefined],
    ] as const) {
      const { id } = await sessionsOf({ adminToken: tls.token }).open(place)
      const answered = await get('/operator/close', options, JSON.stringify({ session_ids: [id] }))
      expect(answered).toMatchObject({ statusCode })
      if (who !== undefined) {
        expect((await audit()).at(-1)).toMatchObject({ action: 'close', who })
      }
    }
  })

  function get(path: string, options: RequestOptions = {}, body = ''): Promise<IncomingMessage> {
    const fresh = { ca: tls.authority.cert, agent: false, ...options }
    return new Promise((resolve, reject) =>
      request(new URL(path, http), fresh, (response) => resolve(response.resume()))
        .on('error', reject)
        .end(body),
    )
  }
})

describe('sessiond serve', () => {
  const serve = (...args: string[]) =>
    sessiond([
      ...['serve', '--data-dir', join(directory, 'other'), '--grpc', '127.0.0.1:0'],
      ...['--http', 'off', ...args],
    ])

  it.each([
    [
      ['--grpc', '0.0.0.0:0'],
      2,
      /^sessiond: --grpc: 0\.0\.0\.0 is no.*--tls-cert and.*--plaintext/,
    ],
    [['--http', '0.0.0.0:0'], 2, /--http: .*--plaintext yes\n.*--http: .*--feed-token FILE/],
    [['--seneca', 'tcp://0.0.0.0:0'], 2, /--seneca: .*--insecure-commands yes/],
    [['--tls-cert', 'no', '--tls-key', 'no'], 4, /^sessiond: no: cannot be read: ENOENT/],
    [['--admin-token-file', 'no'], 4, /^sessiond: no: is not there: write a token into it/],
  ])('does not start with %j', async (args, code, problem) => {
    const refused = await serve(...args)
    expect(refused).toMatchObject({ code, stdout: '' })
    expect(refused.stderr).toMatch(problem)
  })

  it('does not start with the key of another certificate, and tells nothing of it', async () => {
    const [cert, key] = [join(directory, 'one.crt'), join(directory, 'other.key')]
    const other = tls.authority.issue()
    await writeFile(cert, tls.authority.issue().cert)
    await writeFile(key, other.key)
    const refused = await serve('--tls-cert', cert, '--tls-key', key)
    expect(refused).toMatchObject({
      ...{ code: 4, stdout: '' },
      stderr: `sessiond: ${key}: is not the key of the certificate in ${cert}\n`,
    })
  })
})

describe('a command', () => {
  it.each([
    [
      'sessions list',
      ['--admin-token-file', 'TOKEN'],
      2,
      /is not sent to a\.example:1 without TLS/,
    ],
    [
      'bridge',
      ['--admin-token-file', 'TOKEN'],
      2,
      /is not sent to a\.example:1 without TLS.*--tls/,
    ],
    ['sessions watch', ['--token', 'TOKEN'], 2, /is not sent to a\.example:1 without TLS/],
    [
      'create',
      ['--tls-cert', 'TOKEN'],
      2,
      /--tls-cert and --tls-key \(SESSIOND_\w+ and SESSIOND_\w+\): give both or neither/,
    ],
    ['sessions list', ['--tls-ca', 'TOKEN'], 4, /must hold certificates in PEM/],
  ])('%s does not connect with %j', async (command, args, code, problem) => {
    const key = join(directory, `${command}.key`)
    if (command === 'create') {
      await sessiond(['keygen', '--out', key])
      args.push('--key', key)
    }
    const given = args.map((arg) => (arg === 'TOKEN' ? tls.tokenFile : arg))
    const where = command === 'sessions watch' ? '--http' : '--server'
    const refused = await sessiond([...command.split(' '), where, 'a.example:1', ...given])
    expect(refused).toMatchObject({ code, stdout: '' })
    expect(refused.stderr).toMatch(problem)
    expect(refused.stderr).not.toContain(tls.token)
  })
})

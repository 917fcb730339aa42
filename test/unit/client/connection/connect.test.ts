import {
  createServer as createHttp2Server,
  createSecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
} from 'node:http2'
import { createServer } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { afterAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { callUnary } from '../../../../src/client/connection/call.js'
import { type ConnectOptions, connect } from '../../../../src/client/connection/connect.js'
import { UnprotectedTokenError } from '../../../../src/client/errors.js'
import { SessionsClient } from '../../../../src/client/sessions/sessions-client.js'
import { pemBlocks, pemText } from '../../../../src/crypto/formats/pem.js'
import { TlsServerCredentials } from '../../../../src/grpc/transport/grpc-js.js'
import { type Certified, newAuthority } from '../../../support/certificates.js'
import { freePort } from '../../../support/free-port.mjs'
import { startTestGrpc } from '../../../support/grpc.js'
import { listenLocally } from '../../../support/listen.js'
import { fixedTls } from '../../../support/tls.js'

const authority = newAuthority()
const { cert: ca } = authority

/** A server that has health alone, with this certificate. */
async function serve(certified: Certified | null): Promise<string> {
  const credentials = certified === null ? undefined : new TlsServerCredentials(fixedTls(certified))
  const server = await startTestGrpc({}, {}, undefined, credentials)
  afterAll(async () => void (await server.close(0)))
  return server.address
}

function open(address: string, options: Omit<ConnectOptions, 'serverKeys'> = {}) {
  const connection = connect(address, { serverKeys: 'any', ...options })
  onTestFinished(() => connection.close())
  return connection
}

const CHECK = '/grpc.health.v1.Health/Check'
const check = (...args: Parameters<typeof open>) =>
  callUnary(open(...args).client, CHECK, Buffer.alloc(0), Date.now() + 10_000, undefined)

/** A server that answers every call with nothing, and what headers it was sent. */
async function serveHeaders(server: Http2Server, wanted = 0) {
  const headers: IncomingHttpHeaders[] = []
  server.on('stream', (stream, sent) => {
    headers.push(sent)
    stream.respond({ 'content-type': 'application/grpc' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.end(Buffer.alloc(5))
  })
  const port = await listenLocally(server, wanted)
  return { address: `127.0.0.1:${port}`, port, headers }
}

describe('a connection with TLS', () => {
  it('is made to who shows a certificate of a trusted authority', async () => {
    const address = await serve(authority.issue())
    await expect(check(address, { tls: { ca } })).resolves.toBeDefined()
    const asBytes = new TextEncoder().encode(ca)
    await expect(check(address, { tls: { ca: asBytes } })).resolves.toBeDefined()
  })

  it('takes files as OpenSSL does: with blanks, other line ends, a byte order mark and text around', async () => {
    const address = await serve(authority.issue())
    const asWritten = `\ufeffsubject: test\n${ca.replaceAll('\n', ' \r\n')}the end`
    const { cert, key } = authority.issue({ usage: 'client' })
    const files = { ca: asWritten, cert: `${cert} \n`, key: `\ufeff${key}` }
    await expect(check(address, { tls: files })).resolves.toBeDefined()
    expect(() => open(address, { tls: { ca: 'none' } })).toThrow('tls.ca: must hold certificates')
    expect(() => open(address, { tls: { ca, cert, key: cert } })).toThrow('tls.key: holds no')
  })

  it('trusts a trusted certificate for what it says', async () => {
    const address = await serve(authority.issue())
    const [block] = pemBlocks(ca)
    const trusted = (about: string) =>
      pemText(
        'TRUSTED CERTIFICATE',
        Buffer.concat([block?.der ?? Buffer.of(), Buffer.from(about, 'hex')]),
      )
    await expect(check(address, { tls: { ca: trusted('3000') } })).resolves.toBeDefined()
    // As `openssl x509 -addreject serverAuth` writes it.
    const rejected = trusted('300ca00a06082b06010505070301')
    await expect(check(address, { tls: { ca: rejected } })).rejects.toThrow()
  })

  it.each([
    ['127.0.0.1', undefined, false],
    ['localhost', undefined, 'localhost'],
    ['127.0.0.1', 'localhost', 'localhost'],
  ])('to %s, expecting %s, names in its handshake: %s', async (host, serverName, named) => {
    const names: unknown[] = []
    const server = createSecureServer(authority.issue())
    server.on('secureConnection', (socket: TLSSocket) => names.push(socket.servername))
    const { port, headers } = await serveHeaders(server)
    await check(`${host}:${port}`, { tls: { ca, ...(serverName && { serverName }) } })
    expect(names).toEqual([named])
    expect(headers).toMatchObject([{ ':scheme': 'https' }])
  })

  it('may expect another name than the address has', async () => {
    const address = await serve(authority.issue({ names: ['sessions.example'] }))
    const serverName = 'sessions.example'
    await expect(check(address, { tls: { ca, serverName } })).resolves.toBeDefined()
  })

  it.each<[string, string, boolean, string?]>([
    ['127.0.0.1', '127.0.0.1', true],
    ['127.0.0.2', '127.0.0.1', false],
    ['localhost', '127.0.0.1', false],
    // A name that looks like the address is none: it must stand there as an address.
    ['127.0.0.1.example', '127.0.0.1', false],
    ['localhost', 'localhost', true],
    ['127.0.0.1', 'localhost', false],
    ['127.0.0.2', '127.0.0.1', true, '127.0.0.2'],
    ['127.0.0.1', '127.0.0.1', false, '127.0.0.2'],
    ['localhost', '127.0.0.1', true, 'localhost'],
    ['127.0.0.1', 'localhost', true, '127.0.0.1'],
    ['127.0.0.1', 'dns:127.0.0.1', true],
  ])(
    'with a certificate of %s to %s is taken: %s (server name: %s)',
    async (name, host, isTaken, serverName) => {
      const address = (await serve(authority.issue({ names: [name] }))).replace('127.0.0.1', host)
      const checked = check(address, {
        tls: { ca, ...(serverName !== undefined && { serverName }) },
      })
      await (isTaken
        ? expect(checked).resolves.toBeDefined()
        : expect(checked).rejects.toThrow('shows a certificate that is not of this name'))
    },
  )

  const DAY_MS = 86_400_000
  it.each<[string, Certified | null, ConnectOptions['tls'] | undefined, string]>([
    ['an unknown authority', authority.issue(), true, 'of an authority that is not trusted here'],
    ['another name', authority.issue({ names: ['a.example'] }), { ca }, 'is not of this name'],
    ['the past', authority.issue({ notAfterMs: Date.now() - 1000 }), { ca }, 'that has expired'],
    [
      'the future',
      authority.issue({ notBeforeMs: Date.now() + DAY_MS / 2 }),
      { ca },
      'not valid yet',
    ],
    ['a server without TLS', null, { ca }, 'does not speak TLS'],
    [
      'a server with TLS, from a client without',
      authority.issue(),
      undefined,
      'may want TLS (--tls)',
    ],
  ])('is not made to %s, and says so', async (_, certified, tls, problem) => {
    // One each: channels to one address share what they know of it.
    const [address, other] = [await serve(certified), await serve(certified)]
    const options = tls === undefined ? {} : { tls }
    await expect(check(address, options)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining(problem),
    })
    await expect(new SessionsClient(open(other, options)).list()).rejects.toMatchObject({
      code: 'SERVER_UNAVAILABLE',
      message: expect.stringContaining(problem),
    })
  })

  it('is not blamed where nobody listens', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as { port: number }
    await new Promise((resolve) => server.close(resolve))
    const address = `127.0.0.1:${port}`
    await expect(new SessionsClient(open(address, { tls: { ca } })).list()).rejects.toThrow(
      `the session server at ${address} cannot be reached: nothing listens on this port`,
    )
    await expect(check(address)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: 'the server cannot be reached: nothing listens on this port',
    })
  })
})

it.each(['dns:127.0.0.1', 'dns:///127.0.0.1', 'LOCALHOST', '0.0.0.0'])(
  'no proxy is on the way to this machine under the name %s',
  async (name) => {
    vi.stubEnv('http_proxy', 'http://127.0.0.1:1')
    vi.stubEnv('no_proxy', '')
    onTestFinished(() => void vi.unstubAllEnvs())
    const [, port] = (await serve(null)).split(':')
    await expect(check(`${name}:${port}`)).resolves.toBeDefined()
  },
)

describe('the admin token', () => {
  const adminToken = 'a-token-of-sixteen-or-more'

  it.each<[string, Omit<ConnectOptions, 'serverKeys'>]>([
    ['127.0.0.1:1', {}],
    ['localhost:1', {}],
    ['[::1]:1', {}],
    ['sessions.example:1', { tls: true }],
    ['sessions.example:1', { plaintext: true }],
  ])('goes to %s with %j', (address, options) => {
    expect(() => open(address, { adminToken, ...options })).not.toThrow()
  })

  it.each([
    [{ adminToken }, `Bearer ${adminToken}`],
    [{}, undefined],
  ])('goes with every call: %j', async (options, authorization) => {
    const { address, headers } = await serveHeaders(createHttp2Server())
    await check(address, options)
    await check(address, options)
    expect(headers.map((sent) => sent.authorization)).toEqual([authorization, authorization])
  })

  it.each(['sessions.example:1', '10.0.0.1:1', '[::]:1', 'dns:127.0.0.1:1', 'localhost.evil:1'])(
    'does not go to %j without TLS',
    (address) => {
      expect(() => open(address, { adminToken })).toThrow(UnprotectedTokenError)
      expect(() => open(address, { adminToken, plaintext: false })).toThrow(/--tls.*--plaintext/)
    },
  )
})

describe('what a program without types may give', () => {
  it.each([
    ['no server keys', {}, /serverKeys must be/],
    ['a server key that is none', { serverKeys: ['d75a'] }, /serverKeys\[0\]: is not a public key/],
    [
      'a server key of 33 bytes',
      { serverKeys: [new Uint8Array(33)] },
      /serverKeys\[0\] has 33 bytes/,
    ],
    ['one key alone', { serverKeys: new Uint8Array(32) }, /serverKeys must be/],
  ])('%s is refused before anything is sent', (_, options, problem) => {
    expect(() => connect('127.0.0.1:1', options as unknown as ConnectOptions)).toThrow(problem)
  })

  it.each(['secret-with-its-line-end\n', 'secret in two', ''])(
    'the token %j is refused, and not quoted',
    (adminToken) => {
      const problem = 'adminToken must be of ASCII without white space: trim what a file holds'
      expect(() => open('127.0.0.1:1', { adminToken })).toThrow(new TypeError(problem))
    },
  )

  it('a deadline that is no number is refused, and one that is too far away is none', async () => {
    const { client } = open(await serve(null))
    const call = (deadlineMs: number) =>
      callUnary(client, CHECK, Buffer.alloc(0), Date.now() + deadlineMs, undefined)
    await expect(call(Number.NaN)).rejects.toThrow(RangeError)
    await expect(call(Number.MAX_SAFE_INTEGER)).resolves.toBeDefined()
    await expect(call(Number.POSITIVE_INFINITY)).resolves.toBeDefined()
  })

  it('a deadline beyond 24.8 days is not sent, which many servers would take for over', async () => {
    const { address, headers } = await serveHeaders(createHttp2Server())
    const { client } = open(address)
    for (const days of [24, 25, 60_000_000, Number.POSITIVE_INFINITY]) {
      const deadlineAtMs = Date.now() + days * 86_400_000
      await callUnary(client, CHECK, Buffer.alloc(0), deadlineAtMs, undefined)
    }
    const timeouts = headers.map((sent) => sent['grpc-timeout'])
    expect(timeouts).toEqual([expect.stringMatching(/^\d+S$/), undefined, undefined, undefined])
  })
})

it('reaches a server that an earlier connection did not, and does not wait as that one does', async () => {
  const port = await freePort()
  const address = `127.0.0.1:${port}`
  await expect(check(address)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  await serveHeaders(createHttp2Server(), port)
  expect(await check(address)).toHaveLength(0)
})

import { EventEmitter, once } from 'node:events'
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  type GuardedRequest,
  type GuardOptions,
  guardedToken,
  type HttpGuardOptions,
  httpGuard,
} from '../../../src/guard/index.js'
import { type HttpRequestToSign, signHttpRequest } from '../../../src/tokens/index.js'
import { AFTER_MS, Endings, guardAt, NOW_MS, signedHttp } from '../../support/guard.js'
import { CONTAINER, OBJECT, SESSION_ID, sessionKey, tokenWith } from '../../support/tokens.js'

const use = () =>
  ({ verb: 'OBJECT_GET', object: { containerId: CONTAINER, objectId: OBJECT } }) as const

/** A service behind a guard, which answers with the session and the body. */
async function serve(
  options: Partial<GuardOptions> = {},
  http: Partial<HttpGuardOptions> = {},
  before: (request: IncomingMessage) => void = () => {},
) {
  const { guard, clock } = guardAt(options)
  const asked = new EventEmitter()
  const guarded = httpGuard(guard, {
    ...http,
    use: (request) => {
      // Once its head was checked.
      setImmediate(() => asked.emit('head'))
      return (http.use ?? use)(request)
    },
  })
  const server = createServer((request, response) => {
    before(request)
    guarded(request, response, (error) => {
      const { body } = request as GuardedRequest
      response.end(error ? `${error}` : `${guardedToken(request)?.id} ${body}`)
    })
  }).listen(0, '127.0.0.1')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { guard, clock, url: `http://127.0.0.1:${port}`, port, asked }
}

/** Begins to send a request to change something. */
function begin(port: number, headers: object) {
  const request = httpRequest({
    ...{ port, host: '127.0.0.1', path: '/c/o?x=1', method: 'PUT' },
    headers: { ...headers },
  })
  // The server may not wait for its end.
  request.on('error', () => {})
  const answered = new Promise<IncomingMessage>((resolve) => request.once('response', resolve))
  return { request, answered }
}

const OTHER_DIGEST = { 'content-digest': `sha-256=:${Buffer.alloc(32).toString('base64')}:` }

/** Sends a request that was signed for the service's own name. */
async function send(
  url: string,
  headers: Record<string, string> | Awaited<ReturnType<typeof signedHttp>>,
  parts: { method?: string; body?: string; path?: string } = {},
) {
  const { path = '/c/o?x=1', ...init } = parts
  const response = await fetch(url + path, { ...init, headers: { ...headers } })
  return { status: response.status, text: await response.text(), headers: response.headers }
}

describe('httpGuard', () => {
  it('serves a signed request once, and tells its handler under which token', async () => {
    const { url } = await serve()
    const headers = await signedHttp()
    expect(await send(url, headers)).toMatchObject({ status: 200, text: `${SESSION_ID} ` })
    const again = await send(url, headers)
    expect(again).toMatchObject({ status: 401, text: '{"error":"REPLAYED"}\n' })
    expect(again.headers.get('www-authenticate')).toBe('Bearer')
  })

  it('gives the handler the body that was signed', async () => {
    const { url } = await serve()
    const put = { method: 'PUT', body: 'some content' }
    const headers = await signedHttp(put)
    expect(await send(url, headers, put)).toMatchObject({
      ...{ status: 200, text: `${SESSION_ID} some content` },
    })
    const changed = await send(url, await signedHttp(put), { ...put, body: 'other content' })
    expect(changed).toMatchObject({ status: 401, text: '{"error":"BAD_PROOF"}\n' })
  })

  it.each<[string, Partial<GuardOptions>, Partial<HttpGuardOptions>, number, string]>([
    ['what tokens are not for', {}, { use: () => null }, 403, 'VERB_NOT_ALLOWED'],
    ['another verb', {}, { use: () => ({ verb: 'OBJECT_PUT' }) }, 403, 'VERB_NOT_ALLOWED'],
    ['another object', {}, { use: () => ({ verb: 'OBJECT_GET' }) }, 403, 'OBJECT_NOT_ALLOWED'],
    ['too many', { maxRemembered: 0 }, {}, 429, 'TOO_MANY_REQUESTS'],
    [
      'anything while endings are not known',
      { endings: Object.assign(new Endings(), { verifiedAtMs: null }) },
      {},
      503,
      'ENDINGS_STALE',
    ],
    [
      'a session that has ended',
      { endings: Object.assign(new Endings(), { ids: new Set([SESSION_ID]) }) },
      {},
      401,
      'ENDED',
    ],
  ])('refuses %s', async (_, options, http, status, error) => {
    const { url } = await serve(options, http)
    expect(await send(url, await signedHttp())).toMatchObject({
      ...{ status, text: `${JSON.stringify({ error })}\n` },
    })
  })

  it('refuses a request without a token, or for another path', async () => {
    const { url } = await serve()
    expect(await send(url, {})).toMatchObject({ status: 401, text: '{"error":"NO_TOKEN"}\n' })
    expect(await send(url, await signedHttp(), { path: '/c/p?x=1' })).toMatchObject({
      ...{ status: 401, text: '{"error":"BAD_PROOF"}\n' },
    })
  })

  it.each([
    ['says that it is longer', { 'content-length': '9' }],
    ['turns out longer', { 'transfer-encoding': 'chunked' }],
  ])('refuses a body that %s than allowed', async (_, length) => {
    const { port } = await serve({}, { maxBodyBytes: 8 })
    const put = { method: 'PUT', body: '123456789' }
    const { request, answered } = begin(port, { ...(await signedHttp(put)), ...length })
    request.end(put.body)
    expect((await answered).statusCode).toBe(413)
  })

  it.each<[string, (signed: object) => object, Partial<HttpGuardOptions>]>([
    ['without a token', () => ({}), {}],
    ['that is for nothing that tokens are for', (signed) => signed, { use: () => null }],
    [
      'whose token is for another verb',
      (signed) => signed,
      { use: () => ({ verb: 'OBJECT_PUT' }) },
    ],
    ['that came before', (signed) => signed, {}],
    ['whose signature is over another body', (signed) => ({ ...signed, ...OTHER_DIGEST }), {}],
  ])('waits for no body of a request %s', async (what, change, http) => {
    const { port, url, guard } = await serve({}, http)
    const put = { method: 'PUT', body: 'some content' }
    const signed = await signedHttp(put)
    if (what === 'that came before') {
      expect(await send(url, signed, put)).toMatchObject({ status: 200 })
    }
    const { request, answered } = begin(port, { ...change(signed), 'content-length': '12' })
    request.flushHeaders()
    const { statusCode, headers } = await answered
    expect([401, 403]).toContain(statusCode)
    expect(headers.connection).toBe('close')
    expect(Object.values(guard.counts.refused)).toEqual([1])
  })

  it.each<[string, (endings: Endings, clock: { nowMs: number }) => void, string]>([
    ['its session ended', (endings) => endings.ids.add(SESSION_ID), 'ENDED'],
    [
      'it could not be known any more what ended',
      (_, clock) => (clock.nowMs += 20_000),
      'ENDINGS_STALE',
    ],
    ['its token expired', (_, clock) => (clock.nowMs = AFTER_MS), 'EXPIRED'],
  ])('refuses a request if %s while its body came', async (_, change, error) => {
    const endings = new Endings()
    const { port, clock, asked } = await serve({ endings })
    const put = { method: 'PUT', body: 'some content' }
    const headers = { ...(await signedHttp(put)), 'content-length': '12' }
    const { request, answered } = begin(port, headers)
    const head = once(asked, 'head')
    request.write('some ')
    await head
    change(endings, clock)
    request.end('content')
    expect(await text(await answered)).toBe(`${JSON.stringify({ error })}\n`)
  })

  it('serves a request whose body takes longer than a proof is good', async () => {
    const { port, clock, asked } = await serve()
    const put = { method: 'PUT', body: 'some content' }
    const headers = { ...(await signedHttp(put)), 'content-length': '12' }
    const { request, answered } = begin(port, headers)
    const head = once(asked, 'head')
    request.write('some ')
    await head
    clock.nowMs += 300_000
    request.end('content')
    expect(await text(await answered)).toBe(`${SESSION_ID} some content`)
  })

  it('takes a second header of authorization for what it is', async () => {
    const { port, guard } = await serve()
    const signed = await signedHttp()
    // Node's `headers` would show the first alone.
    const headers = [
      'host',
      'here',
      'authorization',
      'Bearer AAAA',
      ...Object.entries(signed).flat(),
    ]
    const request = httpRequest({ port, host: '127.0.0.1', path: '/c/o?x=1', headers })
    request.end()
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    response.resume()
    expect(response.statusCode).toBe(401)
    expect(guard.counts.refused).toEqual({ NO_TOKEN: 1 })
  })

  it('checks the path that the client asked for, where a router has taken some off', async () => {
    const { url } = await serve({}, {}, (request) => {
      Object.assign(request, { originalUrl: request.url, url: '/o' })
    })
    expect(await send(url, await signedHttp())).toMatchObject({ status: 200 })
  })

  it('passes on what is thrown while it is asked what a request is for', async () => {
    const { url, guard } = await serve(
      {},
      {
        use: () => {
          throw new Error('no such container')
        },
      },
    )
    expect((await send(url, await signedHttp())).text).toBe('Error: no such container')
    expect(guard.counts.accepted).toBe(0)
  })

  it('passes on that the connection broke while the body came', async () => {
    const { guard } = guardAt()
    const server = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const { request } = begin(port, await signedHttp({ method: 'PUT', body: 'half and half' }))
    const arrival = once(server, 'request')
    request.write('half')
    const [incoming, response] = (await arrival) as Parameters<ReturnType<typeof httpGuard>>
    const failed = new Promise((resolve) => httpGuard(guard, { use })(incoming, response, resolve))
    request.destroy()
    expect(await failed).toBeInstanceOf(Error)
  })

  it('leaves no trace of a token that it refused', async () => {
    let seen: unknown = 'not called'
    const { url } = await serve(
      {},
      {
        use: (request) => {
          seen = guardedToken(request)
          return use()
        },
      },
    )
    const wrong: HttpRequestToSign = { url: 'https://other.example/' }
    await send(url, await signHttpRequest(wrong, tokenWith(), sessionKey, NOW_MS))
    expect(seen).toBeUndefined()
  })
})

import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  type GuardedRequest,
  type GuardOptions,
  guardedToken,
  type HttpGuardOptions,
  httpGuard,
} from '../../../src/guard/index.js'
import { type HttpRequestToSign, signHttpRequest } from '../../../src/tokens/index.js'
import { Endings, guardAt, NOW_MS, signedHttp } from '../../support/guard.js'
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
  const guarded = httpGuard(guard, { use, ...http })
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
  return { guard, clock, url: `http://127.0.0.1:${port}`, port }
}

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
    const request = httpRequest({ port, host: '127.0.0.1', method: 'PUT', headers: length })
    request.on('error', () => {})
    const answered = once(request, 'response')
    request.end('123456789')
    const [response] = (await answered) as [IncomingMessage]
    expect(response.statusCode).toBe(413)
    response.resume()
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
    const request = httpRequest({ port, host: '127.0.0.1', method: 'PUT' })
    request.on('error', () => {})
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

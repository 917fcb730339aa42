import { createServer, type IncomingMessage } from 'node:http'
import { describe, expect, it } from 'vitest'
import { StoreUnavailableError } from '../../../src/core/errors.js'
import {
  type AnswerOptions,
  answer,
  isCall,
  type MetricsPorts,
  refuse,
} from '../../../src/http/answer.js'
import type { ViewingPorts } from '../../../src/http/viewing.js'
import { VIEWING } from '../../support/feed-server.js'
import { listenLocally } from '../../support/listen.js'

const METRICS: MetricsPorts = {
  refusal: () => null,
  contentType: 'text/plain; version=0.0.4',
  text: async () => Buffer.from('up 1\n'),
}

/** Asks a server that answers by these options. */
async function ask(path: string, options: Partial<AnswerOptions> = {}, init: RequestInit = {}) {
  const server = createServer((request, response) => {
    answer(request, response, {
      ...{ access: { isPublic: false }, pages: new Map(), isReady: async () => true },
      viewing: VIEWING,
      ...options,
    }).catch(() => response.destroy())
  })
  const port = await listenLocally(server)
  const response = await fetch(`http://127.0.0.1:${port}${path}`, init)
  return { status: response.status, headers: response.headers, text: await response.text() }
}

it('/healthz says that the process is alive, whether or not it is ready', async () => {
  expect(await ask('/healthz', { isReady: async () => false })).toMatchObject({
    ...{ status: 200, text: 'alive\n' },
  })
})

describe('/readyz', () => {
  it('says whether the server can do its work, with what an operator should look at', async () => {
    const findings = () => ['files are damaged']
    expect(await ask('/readyz', { findings })).toMatchObject({
      ...{ status: 200, text: 'ready\nfiles are damaged\n' },
    })
    expect(await ask('/readyz', { isReady: async () => false })).toMatchObject({
      ...{ status: 503, text: 'not ready\n' },
    })
  })
})

describe('/metrics', () => {
  it('has the text and its type, and is kept by no cache', async () => {
    const { status, headers, text } = await ask('/metrics', { metrics: METRICS })
    expect({ status, text }).toEqual({ status: 200, text: 'up 1\n' })
    expect(headers.get('content-type')).toBe('text/plain; version=0.0.4')
    expect(headers.get('cache-control')).toBe('no-store')
  })

  it('is refused with the reason to who may not read it', async () => {
    const refusal = ({ headers }: IncomingMessage) => (headers.host ? 'for operators' : null)
    expect(await ask('/metrics', { metrics: { ...METRICS, refusal } })).toMatchObject({
      ...{ status: 403, text: 'for operators\n' },
    })
  })

  it('is not available while the store is not', async () => {
    const text = () => Promise.reject(new StoreUnavailableError('it is closed'))
    expect(await ask('/metrics', { metrics: { ...METRICS, text } })).toMatchObject({ status: 503 })
  })

  it('breaks off where it fails for any other reason', async () => {
    const text = () => Promise.reject(new TypeError('oops'))
    await expect(ask('/metrics', { metrics: { ...METRICS, text } })).rejects.toThrow()
  })

  it('is no page where there are none', async () => {
    expect(await ask('/metrics')).toMatchObject({ status: 404 })
  })
})

describe('a page', () => {
  const page = {
    body: Buffer.from('<!doctype html>'),
    etag: '"a"',
    headers: { 'Content-Type': 'text/html' },
  }
  const pages = new Map([['/', page]])

  it('is served at its path, whatever follows a question mark', async () => {
    const { status, headers, text } = await ask('/?q', { pages })
    expect({ status, text }).toEqual({ status: 200, text: '<!doctype html>' })
    expect(headers.get('content-type')).toBe('text/html')
  })

  it('is not sent again to a browser that has it', async () => {
    const headers = { 'If-None-Match': 'W/"b", W/"a"' }
    expect(await ask('/', { pages }, { headers })).toMatchObject({ status: 304, text: '' })
    const other = { headers: { 'If-None-Match': '"b"' } }
    expect(await ask('/', { pages }, other)).toMatchObject({ status: 200, text: '<!doctype html>' })
  })

  it('is told under the path of the list that it needs a WebSocket, or why it may not watch', async () => {
    expect(await ask('/session-list', { pages })).toMatchObject({
      ...{ status: 426, text: 'the session list is a WebSocket\n' },
    })
    const access = { isPublic: false, token: { matches: () => false } }
    expect(await ask('/session-list', { pages, access })).toMatchObject({
      ...{ status: 401, text: 'the token of --feed-token is needed\n' },
    })
  })
})

describe('below a prefix', () => {
  const page = { body: Buffer.from('page'), etag: '"a"', headers: {} }
  const options = { prefix: '/a/b', pages: new Map([['/', page]]), metrics: METRICS }

  it.each([
    ['/a/b/', 200, 'page'],
    ['/a/b/session-list', 426, 'the session list is a WebSocket\n'],
    ['/a/b/session-list/history', 200, '{}\n'],
    ['/a/b/nothing', 404, 'there is no such page\n'],
    ['/session-list', 404, 'there is no such page\n'],
    ['/session-list/access', 404, 'there is no such page\n'],
    ['/a/bc/', 404, 'there is no such page\n'],
    ['/a/', 404, 'there is no such page\n'],
    ['/healthz', 200, 'alive\n'],
    ['/readyz', 200, 'ready\n'],
    ['/metrics', 200, 'up 1\n'],
    ['/a/b/healthz', 404, 'there is no such page\n'],
    ['/a/b/metrics', 404, 'there is no such page\n'],
  ])('GET %s is answered with %i', async (path, status, text) => {
    expect(await ask(path, options)).toMatchObject({ status, text })
  })

  it.each(['/', '/a/b'])('%s leads to the page', async (path) => {
    const { status, headers } = await ask(path, options, { redirect: 'manual' })
    expect({ status, location: headers.get('location') }).toEqual({
      ...{ status: 308, location: '/a/b/' },
    })
  })

  it("operators' calls are there alone", async () => {
    const operator = { operator: () => expect.fail(), onInternalError: () => {} } as never
    const init = { method: 'POST', body: '{}' }
    expect(await ask('/operator/check', { ...options, operator }, init)).toMatchObject({
      status: 405,
    })
    expect(await ask('/a/b/operator/check', { ...options, operator }, init)).toMatchObject({
      status: 500,
    })
    const isCallAt = (url: string) => isCall({ url } as IncomingMessage, { ...options, operator })
    expect(['/operator/close', '/a/b/operator/close'].map(isCallAt)).toEqual([false, true])
  })
})

describe('what viewers are told beside the list', () => {
  const token = { matches: (given: string) => given === 'good' }
  const viewing: ViewingPorts = {
    version: '1.2.3',
    operators: { adminToken: true, clientCertificates: false },
    history: async () => ({ open_sessions: 7 }),
  }

  it('is which token the server wants, for everyone', async () => {
    const access = { isPublic: false, token }
    const { status, headers, text } = await ask('/session-list/access', { viewing, access })
    expect({ status, answer: JSON.parse(text) }).toEqual({
      status: 200,
      answer: { version: '1.2.3', feed_token: true, admin_token: true, client_certificates: false },
    })
    expect(headers.get('cache-control')).toBe('no-store')
    const open = await ask('/session-list/access', { viewing })
    expect(JSON.parse(open.text)).toMatchObject({ feed_token: false })
  })

  it('is the last hour, for who may watch the list', async () => {
    const access = { isPublic: false, token }
    const path = '/session-list/history'
    expect(await ask(path, { viewing, access })).toMatchObject({ status: 401 })
    expect(await ask(`${path}?token=bad`, { viewing, access })).toMatchObject({ status: 401 })
    const { status, text } = await ask(`${path}?token=good`, { viewing, access })
    expect({ status, answer: JSON.parse(text) }).toEqual({
      status: 200,
      answer: { open_sessions: 7 },
    })
  })

  it.each(['/session-list', '/session-list/access', '/session-list/history'])(
    '%s may be read by pages of listed origins, and by no other',
    async (path) => {
      const access = { isPublic: true, origins: ['https://a.example', 'http://b.example:81'] }
      for (const [origin, isListed] of [
        ['https://a.example', true],
        ['http://b.example:81', true],
        ['http://a.example', false],
        ['https://a.example:444', false],
        ['https://A.example', false],
        ['https://a.example.evil.example', false],
        ['https://x.a.example', false],
        ['null', false],
      ] as const) {
        const { status, headers } = await ask(path, { viewing, access }, { headers: { origin } })
        expect([origin, status === 403]).toEqual([origin, !isListed])
        expect(headers.get('access-control-allow-origin')).toBe(isListed ? origin : null)
        expect(headers.get('vary')).toBe(isListed ? 'Origin' : null)
      }
    },
  )

  it("listed origins may not make operators' calls", async () => {
    const access = { isPublic: true, origins: ['https://a.example'] }
    const operator = { operator: () => expect.fail(), onInternalError: () => {} } as never
    const init = { method: 'POST', body: '{}', headers: { origin: 'https://a.example' } }
    const refused = await ask('/operator/check', { access, operator }, init)
    expect(refused).toMatchObject({ status: 403, text: 'the Origin must be of the same host\n' })
  })
})

it.each([
  [401, 'WWW-Authenticate: Bearer'],
  [403, null],
  [503, 'Retry-After: 10'],
])('an upgrade that is refused with %i is told %j, the reason, and hung up on', (status, more) => {
  const written: string[] = []
  let isDestroyed = false
  const socket = {
    end(text: string, done: () => void) {
      written.push(text)
      done()
    },
    destroy() {
      isDestroyed = true
    },
  }
  refuse(socket as never, status, 'the reason é')
  const [head = '', body] = (written[0] ?? '').split('\r\n\r\n')
  const lines = head.split('\r\n')
  expect(lines[0]).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
  expect(lines).toContain('Content-Length: 14')
  expect(lines.filter((line) => /^(WWW-Authenticate|Retry-After)/.test(line))).toEqual(
    more === null ? [] : [more],
  )
  expect(body).toBe('the reason é\n')
  expect(isDestroyed).toBe(true)
})

it.each(['POST', 'PUT', 'DELETE'])('%s is refused where only pages are', async (method) => {
  const { status, headers } = await ask('/healthz', {}, { method })
  expect(status).toBe(405)
  expect(headers.get('allow')).toBe('GET, HEAD')
})

it.each([
  ['/v1/sessions/open_session', true, true],
  ['/operator/close', true, true],
  ['/v1/sessions/open_session', false, false],
  ['/operator/close', false, false],
  ['/metrics', true, false],
  ['/', true, false],
])('%s, where commands and operators are served: %s, is a call: %s', (url, areServed, expected) => {
  const ports = areServed ? { operator: {} as never, commandable: {} as never } : {}
  expect(isCall({ url } as IncomingMessage, ports)).toBe(expected)
})
